// Stages of Fourier transforms for one instruction set, by way of variants.h.

#pragma clang fp contract(fast)

#define INLINE TARGET static inline __attribute__((always_inline)) void

// The steps of a stage. Each reads `radix` rows of n elements, `x_step` apart, and writes as many, `y_step` apart.
// Rows but the first are turned by w: the same for all of a row where `w_each` is 0, one for each element where it is
// 1; where `turned` is 0, by nothing. These two are constants wherever a step is called, and loops are made for them.
#define STEP(name)                                                                                              \
  INLINE NAME(name)(                                                                                            \
      const double *restrict xr, const double *restrict xi, const ptrdiff_t x_step, double *restrict yr,        \
      double *restrict yi, const ptrdiff_t y_step, const double *restrict wr, const double *restrict wi,        \
      const ptrdiff_t w_step, const ptrdiff_t w_each, const int turned, const stage *s, const ptrdiff_t n)
#define PUT(j, real, imaginary)                                                                                 \
  do {                                                                                                          \
    const double r_ = (real), i_ = (imaginary);                                                                 \
    if (turned) {                                                                                               \
      const double tr_ = wr[(j)*w_step + i * w_each], ti_ = wi[(j)*w_step + i * w_each];                        \
      yr[(j)*y_step + i] = r_ * tr_ - i_ * ti_;                                                                 \
      yi[(j)*y_step + i] = r_ * ti_ + i_ * tr_;                                                                 \
    } else {                                                                                                    \
      yr[(j)*y_step + i] = r_;                                                                                  \
      yi[(j)*y_step + i] = i_;                                                                                  \
    }                                                                                                           \
  } while (0)

STEP(step_2) {
  (void)s;
  for (ptrdiff_t i = 0; i < n; i++) {
    const double ar = xr[i], ai = xi[i], br = xr[x_step + i], bi = xi[x_step + i];
    yr[i] = ar + br;
    yi[i] = ai + bi;
    PUT(1, ar - br, ai - bi);
  }
}

STEP(step_4) {
  (void)s;
  for (ptrdiff_t i = 0; i < n; i++) {
    const double ar = xr[i] + xr[2 * x_step + i], ai = xi[i] + xi[2 * x_step + i];
    const double br = xr[i] - xr[2 * x_step + i], bi = xi[i] - xi[2 * x_step + i];
    const double cr = xr[x_step + i] + xr[3 * x_step + i], ci = xi[x_step + i] + xi[3 * x_step + i];
    const double dr = xr[x_step + i] - xr[3 * x_step + i], di = xi[x_step + i] - xi[3 * x_step + i];
    yr[i] = ar + cr;
    yi[i] = ai + ci;
    PUT(1, br + di, bi - dr);
    PUT(2, ar - cr, ai - ci);
    PUT(3, br - di, bi + dr);
  }
}

STEP(step_8) {
  (void)s;
  const double half = 0.70710678118654752440;
  for (ptrdiff_t i = 0; i < n; i++) {
    const double a0r = xr[i] + xr[4 * x_step + i], a0i = xi[i] + xi[4 * x_step + i];
    const double b0r = xr[i] - xr[4 * x_step + i], b0i = xi[i] - xi[4 * x_step + i];
    const double a2r = xr[2 * x_step + i] + xr[6 * x_step + i], a2i = xi[2 * x_step + i] + xi[6 * x_step + i];
    const double b2r = xr[2 * x_step + i] - xr[6 * x_step + i], b2i = xi[2 * x_step + i] - xi[6 * x_step + i];
    const double a1r = xr[x_step + i] + xr[5 * x_step + i], a1i = xi[x_step + i] + xi[5 * x_step + i];
    const double b1r = xr[x_step + i] - xr[5 * x_step + i], b1i = xi[x_step + i] - xi[5 * x_step + i];
    const double a3r = xr[3 * x_step + i] + xr[7 * x_step + i], a3i = xi[3 * x_step + i] + xi[7 * x_step + i];
    const double b3r = xr[3 * x_step + i] - xr[7 * x_step + i], b3i = xi[3 * x_step + i] - xi[7 * x_step + i];
    // Rows of even numbers: a transform of the four sums.
    const double cr = a0r + a2r, ci = a0i + a2i, dr = a0r - a2r, di = a0i - a2i;
    const double er = a1r + a3r, ei = a1i + a3i, fr = a1r - a3r, fi = a1i - a3i;
    yr[i] = cr + er;
    yi[i] = ci + ei;
    PUT(2, dr + fi, di - fr);
    PUT(4, cr - er, ci - ei);
    PUT(6, dr - fi, di + fr);
    // Rows of odd numbers: one of the four differences, each an eighth of a circle further.
    const double pr = half * (b1r + b1i), pi = half * (b1i - b1r), qr = half * (b3i - b3r), qi = -half * (b3i + b3r);
    const double gr = b0r + b2i, gi = b0i - b2r, hr = b0r - b2i, hi = b0i + b2r;
    const double ur = pr + qr, ui = pi + qi, vr = pr - qr, vi = pi - qi;
    PUT(1, gr + ur, gi + ui);
    PUT(3, hr + vi, hi - vr);
    PUT(5, gr - ur, gi - ui);
    PUT(7, hr - vi, hi + vr);
  }
}

/// Any radix, by the definition.
STEP(step_any) {
  const ptrdiff_t radix = s->radix;
  for (ptrdiff_t j = 0; j < radix; j++)
    for (ptrdiff_t first = 0; first < n; first += BLOCK) {
      const ptrdiff_t block = n - first < BLOCK ? n - first : BLOCK;
      double sr[BLOCK], si[BLOCK];
      for (ptrdiff_t i = 0; i < block; i++) sr[i] = xr[first + i], si[i] = xi[first + i];
      for (ptrdiff_t k = 1, turn = j; k < radix; k++) {
        const double rr = s->rr[turn], ri = s->ri[turn];
        const double *restrict kr = xr + k * x_step + first, *restrict ki = xi + k * x_step + first;
        for (ptrdiff_t i = 0; i < block; i++) {
          sr[i] += kr[i] * rr - ki[i] * ri;
          si[i] += kr[i] * ri + ki[i] * rr;
        }
        turn += j;
        if (turn >= radix) turn -= radix;
      }
      for (ptrdiff_t i = first; i < first + block; i++)
        PUT(j, sr[i - first], si[i - first]);
    }
}

// A stage by one of these steps.
//
// Where the elements that are alike are many, they are neighbours in memory. Where there is but one, the first stage
// of a single line, neighbours are those to be turned differently, and what is written has to be turned over.
#define STAGE(name, step, size)                                                                                 \
  TARGET static void NAME(name)(const stage *s) {                                                               \
    const ptrdiff_t count = s->count, parts = s->parts, radix = (size);                                         \
    if (parts == 1) {                                                                                           \
      NAME(step)(s->xr, s->xi, count, s->yr, s->yi, count, s->wr, s->wi, 1, 0, 0, s, count);                    \
    } else if (count > 1) {                                                                                     \
      for (ptrdiff_t p = 0; p < parts; p++)                                                                     \
        NAME(step)(s->xr + p * count, s->xi + p * count, parts * count, s->yr + radix * p * count,              \
                   s->yi + radix * p * count, count, s->wr + p, s->wi + p, parts, 0, 1, s, count);              \
    } else {                                                                                                    \
      double yr[GRAFT_FOURIER_LARGEST_RADIX * NEIGHBOURS], yi[GRAFT_FOURIER_LARGEST_RADIX * NEIGHBOURS];        \
      for (ptrdiff_t p = 0; p < parts; p += NEIGHBOURS) {                                                       \
        const ptrdiff_t n = parts - p < NEIGHBOURS ? parts - p : NEIGHBOURS;                                    \
        if (n == NEIGHBOURS)                                                                                    \
          NAME(step)(s->xr + p, s->xi + p, parts, yr, yi, NEIGHBOURS, s->wr + p, s->wi + p, parts, 1, 1, s,     \
                     NEIGHBOURS);                                                                               \
        else                                                                                                    \
          NAME(step)(s->xr + p, s->xi + p, parts, yr, yi, NEIGHBOURS, s->wr + p, s->wi + p, parts, 1, 1, s, n); \
        double *restrict zr = s->yr + radix * p, *restrict zi = s->yi + radix * p;                              \
        for (ptrdiff_t i = 0; i < n; i++)                                                                       \
          for (ptrdiff_t j = 0; j < radix; j++) {                                                               \
            zr[i * radix + j] = yr[j * NEIGHBOURS + i];                                                         \
            zi[i * radix + j] = yi[j * NEIGHBOURS + i];                                                         \
          }                                                                                                     \
      }                                                                                                         \
    }                                                                                                           \
  }

STAGE(stage_2, step_2, 2)
STAGE(stage_4, step_4, 4)
STAGE(stage_8, step_8, 8)
STAGE(stage_any, step_any, s->radix)

TARGET static void NAME(run_stage)(const stage *s) {
  switch (s->radix) {
    case 2: NAME(stage_2)(s); break;
    case 4: NAME(stage_4)(s); break;
    case 8: NAME(stage_8)(s); break;
    default: NAME(stage_any)(s); break;
  }
}

TARGET static void NAME(multiply)(
    double *restrict xr, double *restrict xi, const double *restrict wr, const double *restrict wi, ptrdiff_t count,
    ptrdiff_t lines) {
  if (lines == 1) {
    for (ptrdiff_t k = 0; k < count; k++) {
      const double real = xr[k] * wr[k] - xi[k] * wi[k];
      xi[k] = xr[k] * wi[k] + xi[k] * wr[k];
      xr[k] = real;
    }
    return;
  }
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
    const double *restrict wi, ptrdiff_t half) {
  yr[0] = xr[0] + xi[0];
  yi[0] = 0;
  yr[half] = xr[0] - xi[0];
  yi[half] = 0;
  const double *restrict br = xr + half, *restrict bi = xi + half;
  for (ptrdiff_t k = 1; k < half; k++) {
    const double even_r = 0.5 * (xr[k] + br[-k]), even_i = 0.5 * (xi[k] - bi[-k]);
    const double odd_r = 0.5 * (xi[k] + bi[-k]), odd_i = 0.5 * (br[-k] - xr[k]);
    yr[k] = even_r + odd_r * wr[k] - odd_i * wi[k];
    yi[k] = even_i + odd_r * wi[k] + odd_i * wr[k];
  }
}

TARGET static void NAME(fold)(
    const double *xr, const double *xi, double *restrict yr, double *restrict yi, const double *restrict wr,
    const double *restrict wi, ptrdiff_t half) {
  // The imaginary parts of the first and the last number do not count.
  yr[0] = 0.5 * (xr[0] + xr[half]);
  yi[0] = 0.5 * (xr[0] - xr[half]);
  const double *restrict br = xr + half, *restrict bi = xi + half;
  for (ptrdiff_t k = 1; k < half; k++) {
    const double even_r = 0.5 * (xr[k] + br[-k]), even_i = 0.5 * (xi[k] - bi[-k]);
    const double turned_r = 0.5 * (xr[k] - br[-k]), turned_i = 0.5 * (xi[k] + bi[-k]);
    yr[k] = even_r - (turned_i * wr[k] - turned_r * wi[k]);
    yi[k] = even_i + turned_r * wr[k] + turned_i * wi[k];
  }
}

// Between numbers in pairs of one type and their parts in arrays of their own.
#define PAIRS(T, S)                                                                                             \
  TARGET static void NAME(split_##S)(                                                                           \
      const T *restrict z, ptrdiff_t z_row, double *restrict xr, double *restrict xi, ptrdiff_t x_row,          \
      ptrdiff_t rows, ptrdiff_t count) {                                                                        \
    for (ptrdiff_t row = 0; row < rows; row++, z += z_row, xr += x_row, xi += x_row)                            \
      for (ptrdiff_t i = 0; i < count; i++) {                                                                   \
        xr[i] = z[2 * i];                                                                                       \
        xi[i] = z[2 * i + 1];                                                                                   \
      }                                                                                                         \
  }                                                                                                             \
  TARGET static void NAME(join_##S)(                                                                            \
      const double *restrict xr, const double *restrict xi, ptrdiff_t x_row, T *restrict z, ptrdiff_t z_row,    \
      ptrdiff_t rows, ptrdiff_t count, double factor) {                                                         \
    for (ptrdiff_t row = 0; row < rows; row++, z += z_row, xr += x_row, xi += x_row)                            \
      for (ptrdiff_t i = 0; i < count; i++) {                                                                   \
        z[2 * i] = (T)(xr[i] * factor);                                                                         \
        z[2 * i + 1] = (T)(xi[i] * factor);                                                                     \
      }                                                                                                         \
  }

PAIRS(float, f32)
PAIRS(double, f64)

#undef PAIRS
#undef INLINE
#undef STEP
#undef PUT
#undef STAGE
