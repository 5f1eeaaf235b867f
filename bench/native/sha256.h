// SHA-256 for eq60.c: one short message, and all 16,384 blocks of an attempt, on plain vectors or on the SHA instructions of
// an x86-64 processor.
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

enum { ITEMS = 65536, BLOCKS = ITEMS / 4 };

static const uint32_t K[64] __attribute__((aligned(64))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01,
    0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
    0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08,
    0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
static const uint32_t IV[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

// SHA-256 of LANES messages at once, on whatever vectors the compiler has.
enum { LANES = 16 };
typedef uint32_t lanes __attribute__((vector_size(4 * LANES)));
#define ROTATE(x, n) (((x) >> (n)) | ((x) << (32 - (n))))

static void compress_lanes(lanes state[8], lanes w[16]) {
  lanes a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
#pragma GCC unroll 64
  for (int t = 0; t < 64; t++) {
    if (t >= 16) {
      lanes x = w[(t + 1) & 15], y = w[(t + 14) & 15];
      w[t & 15] += (ROTATE(x, 7) ^ ROTATE(x, 18) ^ (x >> 3)) + w[(t + 9) & 15] + (ROTATE(y, 17) ^ ROTATE(y, 19) ^ (y >> 10));
    }
    lanes sum = h + (ROTATE(e, 6) ^ ROTATE(e, 11) ^ ROTATE(e, 25)) + (g ^ (e & (f ^ g))) + K[t] + w[t & 15];
    lanes other = (ROTATE(a, 2) ^ ROTATE(a, 13) ^ ROTATE(a, 22)) + ((a & b) | (c & (a | b)));
    h = g, g = f, f = e, e = d + sum, d = c, c = b, b = a, a = sum + other;
  }
  lanes out[8] = {a, b, c, d, e, f, g, h};
  for (int i = 0; i < 8; i++) state[i] += out[i];
}

/** One message of at most 55 bytes. */
static void sha256(const uint8_t *bytes, int length, uint8_t out[32]) {
  uint8_t block[64] = {0};
  memcpy(block, bytes, length);
  block[length] = 0x80;
  block[62] = length >> 5, block[63] = length << 3;
  uint32_t w[16], s[8];
  for (int i = 0; i < 16; i++) w[i] = __builtin_bswap32(((uint32_t *)block)[i]);
  memcpy(s, IV, sizeof s);
  for (int t = 0; t < 64; t++) {
    if (t >= 16) {
      uint32_t x = w[(t + 1) & 15], y = w[(t + 14) & 15];
      w[t & 15] += (ROTATE(x, 7) ^ ROTATE(x, 18) ^ (x >> 3)) + w[(t + 9) & 15] + (ROTATE(y, 17) ^ ROTATE(y, 19) ^ (y >> 10));
    }
    uint32_t sum = s[7] + (ROTATE(s[4], 6) ^ ROTATE(s[4], 11) ^ ROTATE(s[4], 25)) + (s[6] ^ (s[4] & (s[5] ^ s[6]))) + K[t] + w[t & 15];
    uint32_t other = (ROTATE(s[0], 2) ^ ROTATE(s[0], 13) ^ ROTATE(s[0], 22)) + ((s[0] & s[1]) | (s[2] & (s[0] | s[1])));
    memmove(s + 1, s, 28);
    s[4] += sum;
    s[0] = sum + other;
  }
  for (int i = 0; i < 8; i++) ((uint32_t *)out)[i] = __builtin_bswap32(s[i] + IV[i]);
}

static void hash_items_portable(const uint32_t seed[8], uint64_t *items) {
  for (uint32_t first = 0; first < BLOCKS; first += LANES) {
    lanes state[8], w[16] = {0};
    for (int i = 0; i < 8; i++) state[i] = IV[i] - (lanes){0}, w[i] = seed[i] - (lanes){0};
    for (int l = 0; l < LANES; l++) w[8][l] = first + l;
    w[9] = 0x80000000u - (lanes){0};
    w[15] = 288 - (lanes){0};
    compress_lanes(state, w);
    for (int l = 0; l < LANES; l++)
      for (int i = 0; i < 4; i++) items[4 * (first + l) + i] = (uint64_t)state[2 * i][l] << 32 | state[2 * i + 1][l];
  }
}

#if defined(__x86_64__)
#define TWO(statement) { enum { n = 0 }; statement; } { enum { n = 1 }; statement; }
/** Two blocks side by side, since one leaves the SHA unit waiting for itself. */
__attribute__((target("sha,sse4.1"))) static void hash_items_sha_ni(const uint32_t seed[8], uint64_t *items) {
  const __m128i abef = _mm_set_epi32(IV[0], IV[1], IV[4], IV[5]), cdgh = _mm_set_epi32(IV[2], IV[3], IV[6], IV[7]);
  const __m128i low = _mm_loadu_si128((const __m128i *)seed), high = _mm_loadu_si128((const __m128i *)(seed + 4));
  const __m128i *k = (const __m128i *)K;
  // The first eight rounds are the same for all blocks of an attempt.
  __m128i abef8 = abef, cdgh8 = cdgh;
  for (int r = 0; r < 2; r++) {
    __m128i sum = _mm_add_epi32(r == 0 ? low : high, k[r]);
    cdgh8 = _mm_sha256rnds2_epu32(cdgh8, abef8, sum);
    abef8 = _mm_sha256rnds2_epu32(abef8, cdgh8, _mm_shuffle_epi32(sum, 0x0e));
  }
  for (uint32_t block = 0; block < BLOCKS; block += 2) {
    __m128i a[2], c[2], m[2][4];
    TWO(a[n] = abef8; c[n] = cdgh8; m[n][0] = low; m[n][1] = high;
        m[n][2] = _mm_set_epi32(0, 0, 0x80000000, block + n); m[n][3] = _mm_set_epi32(288, 0, 0, 0))
#pragma GCC unroll 16
    for (int r = 2; r < 16; r++) {
      TWO(if (r >= 4) {
            __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(m[n][r & 3], m[n][(r + 1) & 3]),
                                        _mm_alignr_epi8(m[n][(r + 3) & 3], m[n][(r + 2) & 3], 4));
            m[n][r & 3] = _mm_sha256msg2_epu32(sum, m[n][(r + 3) & 3]);
          }
          __m128i w = _mm_add_epi32(m[n][r & 3], k[r]);
          c[n] = _mm_sha256rnds2_epu32(c[n], a[n], w);
          a[n] = _mm_sha256rnds2_epu32(a[n], c[n], _mm_shuffle_epi32(w, 0x0e)))
    }
    // The unit keeps E F A B and G H C D, so each half of a register is one item as it stands.
    TWO(a[n] = _mm_add_epi32(a[n], abef); c[n] = _mm_add_epi32(c[n], cdgh);
        __m128i *to = (__m128i *)(items + 4 * (block + n));
        _mm_store_si128(to, _mm_unpackhi_epi64(a[n], c[n])); _mm_store_si128(to + 1, _mm_unpacklo_epi64(a[n], c[n])))
  }
}
static int has_sha_ni(void) {
  unsigned a, b, c, d;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1);
}
#else
static void hash_items_sha_ni(const uint32_t seed[8], uint64_t *items) { hash_items_portable(seed, items); }
static int has_sha_ni(void) { return 0; }
#endif
