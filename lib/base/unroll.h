/* Before a loop: V_UNROLL(n) makes n turns of it at a time, or all of them if there are no more; V_NO_UNROLL one. An
 * array of vectors becomes registers only where all turns are known early. clang does not know gcc's pragma, and its
 * own with a number comes too late for that: it gets "all", and leaves loops of unknown length to itself. */
#ifndef BASE_UNROLL_H
#define BASE_UNROLL_H

#define UNROLL_PRAGMA(text) _Pragma(#text)
#ifdef __clang__
#define V_UNROLL(n) UNROLL_PRAGMA(clang loop unroll(full))
#define V_NO_UNROLL UNROLL_PRAGMA(nounroll)
#else
#define V_UNROLL(n) UNROLL_PRAGMA(GCC unroll n)
#define V_NO_UNROLL UNROLL_PRAGMA(GCC unroll 1)
#endif

#endif
