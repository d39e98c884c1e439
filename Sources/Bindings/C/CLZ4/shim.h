// CLZ4: the system's liblz4 for Swift.
#pragma once
#include <lz4.h>
