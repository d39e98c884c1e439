// CReadline: what Swift needs to see of the system's libreadline. Only what Swift cannot call by itself (variadics, macros) is wrapped here.
#pragma once
#include <stdio.h>
#include <readline/readline.h>
#include <readline/history.h>
