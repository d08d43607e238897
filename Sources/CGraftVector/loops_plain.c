// The loops for any processor of the kind that the package is built for.

#define VARIANT(name) graft_plain_##name
#define WIDTH 4
#define ABREAST 4
#include "loops.h"
