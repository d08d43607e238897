// The loops for any processor of the kind that the package is built for.

#define VARIANT(name) graft_plain_##name
#define GROUP 8
#include "loops.h"
