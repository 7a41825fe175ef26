#include "tests/integration/hostile/hostile_fixture.h"
