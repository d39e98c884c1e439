// CYaml: the system's libyaml for Swift.
#pragma once
#include <yaml.h>
