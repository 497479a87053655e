/* Private to lib/image: inner loops that exist twice on x86, for every processor and for those with AVX2. Both give the
 * same bits. */
#ifndef IMAGE_VECTOR_H
#define IMAGE_VECTOR_H

#include <stdbool.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define IMAGE_AVX2 __attribute__((target("avx2")))
#endif

/* Whether the loops for AVX2 run: where the processor has it, unless a test asked for the others. */
bool image_has_avx2(void);
void image_use_avx2(bool use);

#endif
