// A stage of Fourier transforms for one instruction set, by way of variants.h.

#pragma clang fp contract(fast)

/// Two values become their sum and difference.
TARGET static void NAME(stage_2)(const stage *s) {
  const ptrdiff_t count = s->count;
  for (ptrdiff_t p = 0; p < s->parts; p++) {
    const double *restrict ar = s->xr + p * count, *restrict ai = s->xi + p * count;
    const double *restrict br = ar + s->parts * count, *restrict bi = ai + s->parts * count;
    double *restrict ur = s->yr + 2 * p * count, *restrict ui = s->yi + 2 * p * count;
    double *restrict vr = ur + count, *restrict vi = ui + count;
    const double wr = s->wr[2 * p + 1], wi = s->wi[2 * p + 1];
    for (ptrdiff_t i = 0; i < count; i++) {
      const double dr = ar[i] - br[i], di = ai[i] - bi[i];
      ur[i] = ar[i] + br[i];
      ui[i] = ai[i] + bi[i];
      vr[i] = dr * wr - di * wi;
      vi[i] = dr * wi + di * wr;
    }
  }
}

TARGET static void NAME(stage_4)(const stage *s) {
  const ptrdiff_t count = s->count, step = s->parts * s->count;
  for (ptrdiff_t p = 0; p < s->parts; p++) {
    const double *restrict xr = s->xr + p * count, *restrict xi = s->xi + p * count;
    double *restrict yr = s->yr + 4 * p * count, *restrict yi = s->yi + 4 * p * count;
    const double w1r = s->wr[4 * p + 1], w1i = s->wi[4 * p + 1];
    const double w2r = s->wr[4 * p + 2], w2i = s->wi[4 * p + 2];
    const double w3r = s->wr[4 * p + 3], w3i = s->wi[4 * p + 3];
    for (ptrdiff_t i = 0; i < count; i++) {
      const double ar = xr[i] + xr[2 * step + i], ai = xi[i] + xi[2 * step + i];
      const double br = xr[i] - xr[2 * step + i], bi = xi[i] - xi[2 * step + i];
      const double cr = xr[step + i] + xr[3 * step + i], ci = xi[step + i] + xi[3 * step + i];
      const double dr = xr[step + i] - xr[3 * step + i], di = xi[step + i] - xi[3 * step + i];
      yr[i] = ar + cr;
      yi[i] = ai + ci;
      yr[count + i] = (br + di) * w1r - (bi - dr) * w1i;
      yi[count + i] = (br + di) * w1i + (bi - dr) * w1r;
      yr[2 * count + i] = (ar - cr) * w2r - (ai - ci) * w2i;
      yi[2 * count + i] = (ar - cr) * w2i + (ai - ci) * w2r;
      yr[3 * count + i] = (br - di) * w3r - (bi + dr) * w3i;
      yi[3 * count + i] = (br - di) * w3i + (bi + dr) * w3r;
    }
  }
}

/// Any radix, by the definition.
TARGET static void NAME(stage_any)(const stage *s) {
  const ptrdiff_t count = s->count, step = s->parts * s->count, radix = s->radix;
  for (ptrdiff_t p = 0; p < s->parts; p++) {
    const double *restrict xr = s->xr + p * count, *restrict xi = s->xi + p * count;
    for (ptrdiff_t j = 0; j < radix; j++) {
      double *restrict yr = s->yr + (radix * p + j) * count, *restrict yi = s->yi + (radix * p + j) * count;
      const double wr = s->wr[radix * p + j], wi = s->wi[radix * p + j];
      for (ptrdiff_t first = 0; first < count; first += BLOCK) {
        const ptrdiff_t block = count - first < BLOCK ? count - first : BLOCK;
        double sr[BLOCK], si[BLOCK];
        for (ptrdiff_t i = 0; i < block; i++) sr[i] = xr[first + i], si[i] = xi[first + i];
        for (ptrdiff_t k = 1; k < radix; k++) {
          const double rr = s->rr[j * k % radix], ri = s->ri[j * k % radix];
          const double *restrict kr = xr + k * step + first, *restrict ki = xi + k * step + first;
          for (ptrdiff_t i = 0; i < block; i++) {
            sr[i] += kr[i] * rr - ki[i] * ri;
            si[i] += kr[i] * ri + ki[i] * rr;
          }
        }
        for (ptrdiff_t i = 0; i < block; i++) {
          yr[first + i] = sr[i] * wr - si[i] * wi;
          yi[first + i] = sr[i] * wi + si[i] * wr;
        }
      }
    }
  }
}

TARGET static void NAME(run_stage)(const stage *s) {
  switch (s->radix) {
    case 2: NAME(stage_2)(s); break;
    case 4: NAME(stage_4)(s); break;
    default: NAME(stage_any)(s); break;
  }
}

TARGET static void NAME(multiply)(
    double *restrict xr, double *restrict xi, const double *restrict wr, const double *restrict wi, ptrdiff_t count,
    ptrdiff_t lines) {
  for (ptrdiff_t k = 0; k < count; k++) {
    double *restrict yr = xr + k * lines, *restrict yi = xi + k * lines;
    for (ptrdiff_t i = 0; i < lines; i++) {
      const double real = yr[i] * wr[k] - yi[i] * wi[k];
      yi[i] = yr[i] * wi[k] + yi[i] * wr[k];
      yr[i] = real;
    }
  }
}

TARGET static void NAME(unfold)(
    const double *xr, const double *xi, double *restrict yr, double *restrict yi, const double *restrict wr,
    const double *restrict wi, ptrdiff_t half, ptrdiff_t lines) {
  for (ptrdiff_t k = 0; k <= half; k++) {
    const double *ar = xr + k % half * lines, *ai = xi + k % half * lines;
    const double *br = xr + (half - k) % half * lines, *bi = xi + (half - k) % half * lines;
    double *restrict ur = yr + k * lines, *restrict ui = yi + k * lines;
    for (ptrdiff_t i = 0; i < lines; i++) {
      const double even_r = 0.5 * (ar[i] + br[i]), even_i = 0.5 * (ai[i] - bi[i]);
      const double odd_r = 0.5 * (ai[i] + bi[i]), odd_i = 0.5 * (br[i] - ar[i]);
      ur[i] = even_r + odd_r * wr[k] - odd_i * wi[k];
      ui[i] = even_i + odd_r * wi[k] + odd_i * wr[k];
    }
  }
}

TARGET static void NAME(fold)(
    const double *xr, const double *xi, double *restrict yr, double *restrict yi, const double *restrict wr,
    const double *restrict wi, ptrdiff_t half, ptrdiff_t lines) {
  for (ptrdiff_t k = 0; k < half; k++) {
    const double *ar = xr + k * lines, *ai = xi + k * lines;
    const double *br = xr + (half - k) * lines, *bi = xi + (half - k) * lines;
    double *restrict ur = yr + k * lines, *restrict ui = yi + k * lines;
    for (ptrdiff_t i = 0; i < lines; i++) {
      const double even_r = 0.5 * (ar[i] + br[i]), even_i = 0.5 * (ai[i] - bi[i]);
      const double turned_r = 0.5 * (ar[i] - br[i]), turned_i = 0.5 * (ai[i] + bi[i]);
      ur[i] = even_r - (turned_i * wr[k] - turned_r * wi[k]);
      ui[i] = even_i + turned_r * wr[k] + turned_i * wi[k];
    }
  }
}
