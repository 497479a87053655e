/* The tile registers of AMX: eight matrices of up to 16 rows of 64 bytes. A product is tile C += tile A * tile B, where
 * each row of B has elements of 16 columns that a row of A's meet four bytes at a time. In the compiler's stead the
 * assembler knows the instructions, so that they need no flags. */
#ifndef KERNEL_ISA_AMX_H
#define KERNEL_ISA_AMX_H

#include <string.h>

#include "kernel/isa/vec.h"

#define AMX_ROWS  16
#define AMX_BYTES 64

/* Which register is what: sums of two tiles of rows by two of columns, A's rows, B's columns. */
#define AMX_SUMS 4
#define AMX_B    6

/* As the processor reads it. */
struct amx_shapes {
    uint8_t palette, start_row, reserved[14];
    uint16_t bytes[16]; /* of a row of each register; those beyond 8 stay 0 */
    uint8_t rows[16];
};

/* Registers for `rows` rows of A of `depth` bytes, a multiple of 4. To set them takes hundreds of cycles, to look
 * whether they are set a few. Whoever has done so calls amx_leave() when it is through. */
V_APART void amx_shape(int rows, int depth)
{
    struct amx_shapes now, wanted = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        wanted.bytes[i] = (uint16_t)(i < AMX_SUMS || i >= AMX_B ? AMX_BYTES : depth);
        wanted.rows[i] = (uint8_t)(i < AMX_B ? rows : depth / 4);
    }
    __asm__ volatile("sttilecfg %0" : "=m"(now));
    if (memcmp(&now, &wanted, sizeof now) != 0)
        __asm__ volatile("ldtilecfg %0" : : "m"(wanted));
}

V_FN void amx_leave(void)
{
    __asm__ volatile("tilerelease" : : : "memory");
}

/* Register `tile` from rows or to rows that lie `step` bytes apart. */
#define AMX_LOAD(tile, p, step)                                                                                        \
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #tile : : "r"(p), "r"((ptrdiff_t)(step)) : "memory")
#define AMX_STORE(tile, p, step)                                                                                       \
    __asm__ volatile("tilestored %%tmm" #tile ", (%0,%1,1)" : : "r"(p), "r"((ptrdiff_t)(step)) : "memory")

#define AMX_ZERO(tile) __asm__ volatile("tilezero %tmm" #tile)

/* c += a * b by one of the products, such as tdpbusd: of u8 by s8. */
#define AMX_MULTIPLY(product, c, a, b) __asm__ volatile(#product " %tmm" #b ", %tmm" #a ", %tmm" #c)

#endif
