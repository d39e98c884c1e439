// CRoaring: what Swift needs to see of the system's libroaring. Only what Swift cannot call by itself (variadics, macros) is wrapped here.
#pragma once
#include <roaring/roaring.h>
