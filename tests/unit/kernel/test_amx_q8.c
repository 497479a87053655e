/* test_gemm_q8.c for the level of AMX, with tiles in plain C (amx_twin.h): no processor with AMX is needed. */
#include "base/cpu.h"

#define GUARD_TWIN ((uint32_t)CPU_AMX_INT8 | CPU_AMX_BF16)

#include "test_gemm_q8.c"
