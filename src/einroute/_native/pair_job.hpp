// A sum over pairs: what is asked for, what is worked on, and its parts. No Python objects here.
#pragma once

#include "pair_points.hpp"

#include <atomic>

namespace einroute {

// Rows of a block.
constexpr std::ptrdiff_t PAIR_BLOCK = 4 * PAIR_ROWS;

// How much smaller the sum over pairs of |w| |d| may be than the terms that are summed in its place, which
// are rounded to about a unit; and what such a bound is at least.
constexpr double PAIR_SPREAD = 256, PAIR_LEAST = 1e-280;

// What is asked for: sums of d, of d**2, or of d d' with what makes it; for each row or of all; over
// features.
enum PairPower { LINEAR = 1, SQUARE = 2, CROSSED = 3 };
struct PairsAsked {
    int power;
    bool rows, total;
    bool by_blas; // the weights times the points are one matrix product

    // Each row's sums are taken of the differences, and those of squares: for few features that takes less
    // time than to multiply the points out and to look at what cancels.
    bool direct() const { return (rows || power == SQUARE) && !by_blas; }
    // Sums of all pairs of weights times points, by loops of our own.
    bool products() const { return power == CROSSED && !by_blas; }
    // Whether the weights times the points are made at all.
    bool multiplied() const { return power == CROSSED || by_blas; }
};

struct PairJob {
    PairsAsked asked;
    PairPoints points;
    Weights weights;
    bool weighed;
    int threads = 1;                           // which no bit depends on
    Numbers row_weight, row_size, row_squares; // of each row sums of w, |w| and w**2
    Numbers by_column, made;                   // (blocks, padded); (n, width)
    std::ptrdiff_t width;                      // of a row of `made`
    Workspace<char> factor;                    // what BLAS multiplies by, (m, columns), of the weights' type
    Numbers norms;                             // and the root sums of squares of its columns
    bool single = false;                       // whether the result is of single precision
    std::atomic<bool> failed{false};           // for want of memory
    // How much smaller a sum may be: in double precision for a result in single, much.
    double allowed() const { return single && !asked.by_blas ? PAIR_SPREAD * 0x1p29 : PAIR_SPREAD; }
    bool lost = false;     // products of different features lose too much
    Numbers first, second; // without weights: sums of the points of either side
};

// Takes memory for weighed rows, whose points are centred; false where there is none.
bool prepare_pairs(PairJob& job);

// Blocks of weighed rows, each by itself.
void block_of_rows(void* context, long index);
std::ptrdiff_t pair_block(const PairJob& job), pair_blocks(const PairJob& job);

// Whether rows are summed side by side; and the sums of some of them, to be finished.
bool by_columns(const PairJob& job);
bool sum_columns(PairJob& job, std::ptrdiff_t first, std::ptrdiff_t last);

// Whether BLAS can take the weights as they lie, in the precision of the result.
bool blas_takes(const PairJob& job);

// The centred points that BLAS multiplies by, for rows of squares with these; the weights times them, in
// `made`; or a block of rows' sums made of that. Blocks of `run_blocks`, each in one thread of ours.
void prepare_products(void* context, long index);
void multiply_points(void* context, long index);
void multiplied_rows(void* context, long index);
std::ptrdiff_t multiplied_block(const PairJob& job);

// Adds the weights of each column, the blocks' in their order.
void join_columns(PairJob& job);

// The sums of all pairs, a number for each feature; false without memory.
bool all_pairs(PairJob& job, double* sums);

// Without weights: each row's sums; and those of all pairs. False without memory.
bool alike_rows(PairJob& job);
bool alike_pairs(PairJob& job, double* sums);

// Adds what numbers lie `step` apart, a block at a time.
double sum_of(const double* x, std::ptrdiff_t count, std::ptrdiff_t step);

} // namespace einroute
