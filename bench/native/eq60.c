// The eq60 puzzle solved as an attacker would: native code, one thread, one attempt after another in a core's own cache
// (docs/proof-of-work.md, "The best an attacker can do"). Not part of the product; bench/puzzle.js compiles it.
//   eq60 solve SEEDHEX FIRST COUNT   prints "j x0 .. x7" of every sub-solution, then "cpu SECONDS" and "hash SECONDS"
//   eq60 serve                       reads "SEEDHEX EFFORT256 COUNT" lines, answers each with COUNT records in hex
// Both take the flag --portable last, which leaves the SHA instructions of the processor alone.
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include "sha256.h"

enum { KEYS = 32768, ROWS_MAX = 2 * ITEMS, FOUND_MAX = 256, SEEN_BITS = 19 };

// A row is a number of 45 bits that is still to cancel, above 16 bits that say where it comes from. Rows of items have room
// for three more bits on top: the last three of the key that they are sorted by. That tells neighbours in the sorted list
// apart but for a false pair in a million, which the check at the end throws away.
static uint64_t *items, *sorted_items, *pairs, *sorted_pairs, *quads, *suspects;
static uint32_t *places, *seen, *again;

static int is_portable;

static void start_places(void) {
  uint32_t total = 0;
  for (int key = 0; key < KEYS; key++) {
    uint32_t size = places[key];
    places[key] = total;
    total += size;
  }
}

static void sort_items(void) {
  memset(places, 0, KEYS * sizeof *places);
  for (int i = 0; i < ITEMS; i++) places[items[i] >> 45 & 0x7fff]++;
  start_places();
  for (int i = 0; i < ITEMS; i++) sorted_items[places[items[i] >> 45 & 0x7fff]++] = items[i] << 16 | i;
  for (int i = 0; i < 16; i++) sorted_items[ITEMS + i] = 0;
}

static void sort_pairs(int count) {
  memset(places, 0, KEYS * sizeof *places);
  for (int i = 0; i < count; i++) places[pairs[i] >> 46]++;
  start_places();
  for (int i = 0; i < count; i++) sorted_pairs[places[pairs[i] >> 46]++] = pairs[i];
  for (int i = 0; i < 16; i++) sorted_pairs[count + i] = 0;
}

/** XORs of neighbours that agree above bit `shift`. No branch depends on the keys until a run of six. */
static inline __attribute__((always_inline)) int join(const uint64_t *from, int rows, int shift, int source_bits, uint64_t *to) {
  int count = 0;
#if defined(__AVX512F__)
  const __m512i steps = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0), limit = _mm512_set1_epi64((int64_t)1 << shift);
  for (int i = 0; i < rows && count < ROWS_MAX - 512; i += 8) {
    __m512i row = _mm512_loadu_si512(from + i), source = _mm512_add_epi64(steps, _mm512_set1_epi64(i));
    __mmask8 is_run = rows - i >= 8 ? 0xff : (1 << (rows - i)) - 1;
    for (int d = 1; d < 56 && (d <= 4 || is_run != 0); d++) {
      __m512i sum = _mm512_xor_si512(row, _mm512_loadu_si512(from + i + d));
      is_run = _mm512_mask_cmplt_epu64_mask(is_run, sum, limit);
      __m512i kept = _mm512_or_si512(_mm512_slli_epi64(_mm512_srli_epi64(sum, 16), source_bits), source);
      _mm512_storeu_si512(to + count, _mm512_maskz_compress_epi64(is_run, kept));
      count += __builtin_popcount(is_run);
    }
  }
#else
  for (int i = 0; i < rows && count < ROWS_MAX - 512; i++) {
    uint64_t row = from[i];
#pragma GCC unroll 4
    for (int d = 1; d <= 4; d++) {
      uint64_t sum = row ^ from[i + d];
      to[count] = sum >> 16 << source_bits | i;
      count += sum >> shift == 0;
    }
    for (int d = 5; i + d < rows && (row ^ from[i + d]) >> shift == 0 && d < 60; d++)
      to[count++] = (row ^ from[i + d]) >> 16 << source_bits | i;
  }
#endif
  return count;
}

typedef struct { uint32_t attempt; uint16_t x[8]; } solution;
static solution found[FOUND_MAX];
static int found_count;

static void order(uint16_t *x, int span) {
  if (span == 0) return;
  order(x, span / 2);
  order(x + span, span / 2);
  if (x[0] > x[span])
    for (int i = 0; i < span; i++) { uint16_t swap = x[i]; x[i] = x[span + i]; x[span + i] = swap; }
}

static void keep(uint32_t attempt, const uint16_t candidate[8]) {
  uint64_t mask = ((uint64_t)1 << 60) - 1, v[8];
  uint16_t x[8];
  memcpy(x, candidate, sizeof x);
  for (int i = 0; i < 8; i++) {
    for (int k = 0; k < i; k++) if (x[i] == x[k]) return;
    v[i] = items[x[i]] & mask;
  }
  for (int i = 0; i < 8; i += 2) if ((v[i] ^ v[i + 1]) >> 45) return;
  for (int i = 0; i < 8; i += 4) if ((v[i] ^ v[i + 1] ^ v[i + 2] ^ v[i + 3]) >> 30) return;
  if (v[0] ^ v[1] ^ v[2] ^ v[3] ^ v[4] ^ v[5] ^ v[6] ^ v[7]) return;
  order(x, 4);
  for (int i = 0; i < found_count; i++)
    if (found[i].attempt == attempt && memcmp(found[i].x, x, sizeof x) == 0) return;
  if (found_count == FOUND_MAX) return;
  found[found_count].attempt = attempt;
  memcpy(found[found_count++].x, x, sizeof x);
}

/** All pairs of items that a row of pairs can come from: nearly always one. */
static int trace_pair(uint64_t pair, uint16_t out[8][2]) {
  int i = pair & 0xffff, count = 0;
  for (int k = i + 1; k < ITEMS && (sorted_items[i] ^ sorted_items[k]) >> 61 == 0 && count < 8; k++)
    if (((sorted_items[i] ^ sorted_items[k]) ^ pair) >> 16 == 0) {
      out[count][0] = sorted_items[i], out[count][1] = sorted_items[k];
      count++;
    }
  return count;
}

static int trace_quad(uint64_t quad, int pair_count, uint16_t out[32][4]) {
  int p = quad & 0xfffff, count = 0;
  for (int q = p + 1; q < pair_count && (sorted_pairs[p] ^ sorted_pairs[q]) >> 46 == 0; q++) {
    if ((sorted_pairs[p] ^ sorted_pairs[q]) >> 16 != quad >> 20) continue;
    uint16_t left[8][2], right[8][2];
    int lefts = trace_pair(sorted_pairs[p], left), rights = trace_pair(sorted_pairs[q], right);
    for (int l = 0; l < lefts; l++)
      for (int r = 0; r < rights && count < 32; r++, count++)
        memcpy(out[count], left[l], 4), memcpy(out[count] + 2, right[r], 4);
  }
  return count;
}

static void match(uint32_t attempt, uint64_t one, uint64_t other, int pair_count) {
  uint16_t left[32][4], right[32][4], x[8];
  int lefts = trace_quad(one, pair_count, left), rights = trace_quad(other, pair_count, right);
  for (int l = 0; l < lefts; l++)
    for (int r = 0; r < rights; r++) {
      memcpy(x, left[l], 8), memcpy(x + 4, right[r], 8);
      keep(attempt, x);
    }
}

/**
 * Notes in `again` what stands twice in `rows` by SEEN_BITS bits from `shift`, then keeps the rows that stand there. What
 * matches is kept, and so is one in eight of the others.
 */
static int sieve(const uint64_t *rows, int count, int shift, uint64_t *to) {
  const uint32_t mask = (1 << SEEN_BITS) - 1;
  int kept = 0;
  memset(seen, 0, 1 << (SEEN_BITS - 3));
  memset(again, 0, 1 << (SEEN_BITS - 3));
  for (int i = 0; i < count; i++) {
    uint32_t place = rows[i] >> shift & mask, bit = 1u << (place & 31);
    again[place >> 5] |= seen[place >> 5] & bit;
    seen[place >> 5] |= bit;
  }
  for (int i = 0; i < count; i++) {
    uint32_t place = rows[i] >> shift & mask;
    to[kept] = rows[i];
    kept += again[place >> 5] >> (place & 31) & 1;
  }
  return kept;
}

/** Of 65,536 quads two pairs match in all thirty bits. A hundred are left to compare. */
static void match_quads(uint32_t attempt, int quad_count, int pair_count) {
  int count = sieve(quads, quad_count, 20, suspects);
  count = sieve(suspects, count, 50 - SEEN_BITS, suspects);
  for (int i = 0; i < count; i++)
    for (int k = 0; k < i; k++)
      if (suspects[k] >> 20 == suspects[i] >> 20) match(attempt, suspects[i], suspects[k], pair_count);
}

static double hash_seconds;
static double cpu_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return now.tv_sec + now.tv_nsec / 1e9;
}

/** Appends the sub-solutions of an attempt to `found`; gives back the seed of its items. */
static void search(const uint8_t seed[32], uint32_t attempt, uint8_t item_seed[32]) {
  uint8_t input[36];
  uint32_t words[8];
  memcpy(input, seed, 32);
  for (int i = 0; i < 4; i++) input[32 + i] = attempt >> (24 - 8 * i);
  sha256(input, 36, item_seed);
  for (int i = 0; i < 8; i++) words[i] = __builtin_bswap32(((uint32_t *)item_seed)[i]);
  double from = cpu_seconds();
  if (is_portable) hash_items_portable(words, items);
  else hash_items_sha_ni(words, items);
  hash_seconds += cpu_seconds() - from;
  sort_items();
  int pair_count = join(sorted_items, ITEMS, 61, 16, pairs);
  sort_pairs(pair_count);
  int quad_count = join(sorted_pairs, pair_count, 46, 20, quads);
  match_quads(attempt, quad_count, pair_count);
}

static void *room(size_t bytes) {
  size_t huge = 1 << 21, size = (bytes + huge - 1) / huge * huge;
  void *start = aligned_alloc(huge, size);
  if (start == NULL) abort();
  madvise(start, size, MADV_HUGEPAGE);
  return start;
}

static int from_hex(const char *text, uint8_t out[32]) {
  for (int i = 0; i < 32; i++) if (sscanf(text + 2 * i, "%2hhx", out + i) != 1) return 0;
  return 1;
}

static void record_of(const solution *one, uint8_t out[20]) {
  for (int i = 0; i < 4; i++) out[i] = one->attempt >> (24 - 8 * i);
  for (int i = 0; i < 8; i++) out[4 + 2 * i] = one->x[i] >> 8, out[5 + 2 * i] = one->x[i];
}

static int by_bytes(const void *a, const void *b) { return memcmp(a, b, 20); }

static void serve(void) {
  static uint8_t records[1024 + FOUND_MAX][20];
  char hex[65];
  unsigned long long effort256;
  int wanted;
  while (scanf("%64s %llu %d", hex, &effort256, &wanted) == 3) {
    uint8_t seed[32], item_seed[32], input[48], digest[32];
    if (!from_hex(hex, seed) || wanted < 0 || wanted > 1024) exit(2);
    int count = 0;
    for (uint32_t attempt = 0; count < wanted; attempt++) {
      found_count = 0;
      search(seed, attempt, item_seed);
      for (int i = 0; i < found_count; i++) {
        record_of(found + i, records[count]);
        memcpy(input, item_seed, 32);
        memcpy(input + 32, records[count] + 4, 16);
        sha256(input, 48, digest);
        unsigned __int128 value = __builtin_bswap32(*(uint32_t *)digest);
        if (value * effort256 < (unsigned __int128)1 << 40) count++;
      }
    }
    qsort(records, count, 20, by_bytes);
    for (int i = 0; i < wanted; i++)
      for (int k = 0; k < 20; k++) printf("%02x", records[i][k]);
    printf("\n");
    fflush(stdout);
  }
}

int main(int argc, char **argv) {
  is_portable = !has_sha_ni() || (argc > 1 && strcmp(argv[argc - 1], "--portable") == 0);
  uint64_t **lists[] = {&items, &sorted_items, &pairs, &sorted_pairs, &quads, &suspects};
  uint64_t *all = room((size_t)6 * (ROWS_MAX + 64) * 8 + KEYS * 4 + (2 << (SEEN_BITS - 3)));
  for (int i = 0; i < 6; i++) *lists[i] = all + (size_t)i * (ROWS_MAX + 64);
  places = (uint32_t *)(all + (size_t)6 * (ROWS_MAX + 64));
  seen = places + KEYS;
  again = seen + (1 << (SEEN_BITS - 5));
  uint8_t seed[32], item_seed[32];
  if (argc >= 2 && strcmp(argv[1], "serve") == 0) {
    serve();
    return 0;
  }
  if (argc < 5 || strcmp(argv[1], "solve") != 0 || !from_hex(argv[2], seed)) return 2;
  uint32_t first = strtoul(argv[3], NULL, 10), count = strtoul(argv[4], NULL, 10);
  double started = cpu_seconds();
  for (uint32_t attempt = first; attempt < first + count; attempt++) {
    found_count = 0;
    search(seed, attempt, item_seed);
    for (int i = 0; i < found_count; i++) {
      printf("%u", attempt);
      for (int k = 0; k < 8; k++) printf(" %u", found[i].x[k]);
      printf("\n");
    }
  }
  printf("cpu %.6f\nhash %.6f\nsha-ni %d\n", cpu_seconds() - started, hash_seconds, !is_portable);
  return 0;
}
