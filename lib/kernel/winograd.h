/* Winograd's minimal filtering of two dimensions, F(size x size, 3 x 3): size² outputs from a tile of (size + 2)²
 * inputs by as many multiplications (Lavin and Gray 2015). A tile d, a filter g and the outputs y are tied by
 *
 *   y = Aᵀ ((G g Gᵀ) ∘ (Bᵀ d B)) A
 *
 * where the matrices follow from size + 1 points p, with f(x) = Π (x - p), and infinity: row i of Bᵀ holds the
 * coefficients of f(x) / (x - p_i), its last row those of f; row i of G is (1, p_i, p_i²) / f'(p_i), its last (0, 0,
 * 1); column i of Aᵀ is the powers of p_i, its last (0, …, 0, 1). */
#ifndef KERNEL_WINOGRAD_H
#define KERNEL_WINOGRAD_H

#define WINOGRAD_TILE 6 /* the largest */

/* The finite points of a size, size + 1 of them. For 4 they are 0, ±√½ and ±√2, with which sums of float lose a third
 * of what they lose with 0, ±1 and ±2. */
const double *winograd_points(int size);

/* G: (size + 2) rows. */
void winograd_filter_matrix(int size, double (*g)[3]);

/* F(4x4) of bytes is exact in whole numbers: with the points 0, ±1 and ±2, whose Bᵀ is whole, and 24 G, but 12 in the
 * last row, so that products of elements stay in s16, and 2 for the 1 in the last column of Aᵀ. What comes out is 576 y
 * modulo 2^32: times the inverse of 9, and with 6 bits shifted out, that is y where |y| < WINOGRAD_Q8_LIMIT. */
#define WINOGRAD_Q8_INVERSE 954437177u
#define WINOGRAD_Q8_SHIFT   6
#define WINOGRAD_Q8_LIMIT   (1 << 25)

#endif
