// CRoaring: the system's libroaring for Swift.
#pragma once
#include <roaring/roaring.h>
