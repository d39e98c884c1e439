// CSnappy: the system's libsnappy for Swift.
#pragma once
#include <snappy-c.h>
