#include "labels.hpp"

namespace einroute {

namespace {

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// The labels of an expression while it is read, and how often the operands have each.
struct Reading {
    Expression& to;
    int count[MAX_LABELS];

    int find(char letter) const {
        for (int i = 0; i < to.labels; ++i) {
            if (to.letter[i] == letter) {
                return i;
            }
        }
        return -1;
    }

    bool append_to_operand(char letter, int operand) {
        int label = find(letter);
        if (label < 0) {
            if (to.labels == MAX_LABELS) {
                return false;
            }
            label = to.labels++;
            to.letter[label] = letter;
            count[label] = 0;
        }
        if (to.ndim[operand] == MAX_DIMS) {
            return false;
        }
        ++count[label];
        to.label[operand][to.ndim[operand]++] = static_cast<std::uint8_t>(label);
        return true;
    }

    bool append_to_output(char letter) {
        const int label = find(letter);
        for (int i = 0; i < to.out_ndim; ++i) {
            if (to.out[i] == label) {
                return false;
            }
        }
        if (label < 0) {
            return false;
        }
        to.out[to.out_ndim++] = static_cast<std::uint8_t>(label);
        return true;
    }

    // Labels that occur once, in the order of ASCII.
    void imply_output() {
        for (char letter = 'A'; letter <= 'z'; ++letter) {
            const int label = find(letter);
            if (label >= 0 && count[label] == 1) {
                to.out[to.out_ndim++] = static_cast<std::uint8_t>(label);
            }
        }
    }
};

} // namespace

bool read_subscripts(const char* text, std::ptrdiff_t length, int operands, Expression& to) {
    if (operands < 1 || operands > MAX_OPERANDS) {
        return false;
    }
    to.operands = operands;
    to.labels = to.out_ndim = 0;
    Reading reading{to, {0}};
    int operand = 0;
    bool arrow = false;
    to.ndim[0] = 0;
    for (std::ptrdiff_t i = 0; i < length; ++i) {
        const char c = text[i];
        if (c == ' ') {
            continue;
        }
        if (is_letter(c)) {
            if (!(arrow ? reading.append_to_output(c) : reading.append_to_operand(c, operand))) {
                return false;
            }
        } else if (c == ',' && !arrow) {
            if (++operand == operands) {
                return false;
            }
            to.ndim[operand] = 0;
        } else if (c == '-' && !arrow && i + 1 < length && text[i + 1] == '>') {
            arrow = true;
            ++i;
        } else {
            return false;
        }
    }
    if (operand + 1 != operands) {
        return false;
    }
    if (!arrow) {
        reading.imply_output();
    }
    return true;
}

bool read_sizes(Expression& of) {
    for (int label = 0; label < of.labels; ++label) {
        of.size[label] = 1;
    }
    for (int i = 0; i < of.operands; ++i) {
        std::ptrdiff_t own[MAX_LABELS] = {0};
        for (int d = 0; d < of.ndim[i]; ++d) {
            const int label = of.label[i][d];
            const std::ptrdiff_t n = of.shape[i][d];
            if (n == 0 || (own[label] != 0 && own[label] != n)) {
                return false; // a diagonal's axes are not broadcast
            }
            own[label] = n;
            if (n != 1 && of.size[label] != 1 && of.size[label] != n) {
                return false;
            }
            of.size[label] = n == 1 ? of.size[label] : n;
        }
    }
    return true;
}

} // namespace einroute
