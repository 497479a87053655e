/* The tile registers of AMX: eight matrices of up to 16 rows of 64 bytes. A product is tile C += tile A * tile B, where
 * each row of B has elements of 16 columns that a row of A's meet four bytes at a time. In the compiler's stead the
 * assembler knows the instructions, so that they need no flags. */
#ifndef KERNEL_ISA_AMX_H
#define KERNEL_ISA_AMX_H

#include "kernel/isa/vec.h"

#define AMX_ROWS  16
#define AMX_BYTES 64

/* Registers 0 to 3 for sums, 4 and 5 for `rows` rows of A of `depth` bytes, a multiple of 4, 6 and 7 for B's columns.
 * To set them takes hundreds of cycles, to look whether they are set a few. Whoever has done so calls amx_leave() when
 * it is through. */
V_APART void amx_shape(int rows, int depth)
{
    /* As the processor reads it: the palette, from byte 16 on bytes of a row of each register, from 48 on its rows. */
    const uint64_t four = 0x0001000100010001, two = 0x00010001, six = 0x010101010101;
    const uint64_t wanted[8] = {[0] = 1,
                                [2] = four * AMX_BYTES,
                                [3] = two * (uint64_t)depth | two * AMX_BYTES << 32,
                                [6] = six * (uint64_t)rows | (uint64_t)depth / 4 * 0x0101 << 48};
    uint64_t now[8], differ = 0;
    __asm__ volatile("sttilecfg %0" : "=m"(now));
    for (int i = 0; i < 8; i++)
        differ |= now[i] ^ wanted[i];
    if (differ)
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
