/* Names: what Docker accepts, and made-up ones (an adjective and the surname of somebody who advanced
 * computing or science). */
#include "engine/container-internal.h"

#include <ctype.h>
#include <sys/random.h>

static const char *const adjectives[] = {
        "able",    "agile",   "amber",  "ample",  "apt",      "artful",   "astute",  "autumn",   "avid",
        "aware",   "balmy",   "bold",   "brave",  "breezy",   "bright",   "brisk",   "calm",     "candid",
        "caring",  "chatty",  "cheery", "civil",  "clear",    "clever",   "coastal", "cosmic",   "cozy",
        "crisp",   "curious", "dapper", "daring", "decent",   "deft",     "dusty",   "eager",    "early",
        "earnest", "elegant", "fair",   "fancy",  "fearless", "festive",  "fleet",   "fluent",   "fond",
        "frank",   "fresh",   "frosty", "gentle", "gifted",   "gleaming", "golden",  "graceful", "grand",
        "happy",   "hardy",   "hearty", "honest", "humble",   "ideal",    "jolly",   "jovial",   "keen",
        "kind",    "lively",  "lucid",  "lucky",  "lunar",    "mellow",   "merry",   "mighty",   "mindful",
        "misty",   "modest",  "neat",   "nimble", "noble",    "patient",  "placid",  "plucky",   "polite",
        "proud",   "quick",   "quiet",  "rapid",  "ready",    "robust",   "rustic",  "serene",   "sharp",
        "silent",  "silver",  "smooth", "snowy",  "solar",    "solid",    "spry",    "steady",   "stellar",
        "subtle",  "sunny",   "swift",  "tender", "tidy",     "tranquil", "trusty",  "upbeat",   "valiant",
        "vast",    "verdant", "vivid",  "warm",   "wild",     "winged",   "wise",    "witty",    "young",
        "zesty",
};
static const char *const surnames[] = {
        "abel",      "ampere",    "anning",       "apgar",      "babbage",    "backus",    "bell",
        "bernoulli", "bohr",      "boole",        "bose",       "cantor",     "carson",    "cauchy",
        "cerf",      "chandra",   "codd",         "conway",     "copernicus", "cori",      "curie",
        "darwin",    "dijkstra",  "dirac",        "edison",     "einstein",   "elion",     "engelbart",
        "erdos",     "euclid",    "euler",        "faraday",    "fermat",     "fermi",     "feynman",
        "fourier",   "franklin",  "galois",       "gauss",      "germain",    "goodall",   "gray",
        "haibt",     "halley",    "hamilton",     "hamming",    "heisenberg", "hertz",     "hilbert",
        "hoare",     "hodgkin",   "holberton",    "hopper",     "hubble",     "huffman",   "hypatia",
        "joliot",    "kalman",    "kapitza",      "kepler",     "keller",     "kernighan", "khayyam",
        "kilby",     "knuth",     "kovalevskaya", "lagrange",   "lamarr",     "lamport",   "laplace",
        "leavitt",   "leibniz",   "liskov",       "lovelace",   "maxwell",    "mccarthy",  "meitner",
        "mendel",    "mendeleev", "milner",       "minsky",     "mirzakhani", "moore",     "morse",
        "napier",    "newton",    "noether",      "noyce",      "pascal",     "pasteur",   "perlman",
        "planck",    "poincare",  "ramanujan",    "raman",      "riemann",    "ritchie",   "rubin",
        "sammet",    "shannon",   "stallman",     "sutherland", "tesla",      "thompson",  "torvalds",
        "turing",    "villani",   "volta",        "wiles",      "wilkes",     "wing",      "wirth",
        "wozniak",   "wu",        "yalow",        "zhukovsky",
};

int container_name_check(const char *name, struct error *err)
{
        const char *p = *name == '/' ? name + 1 : name;
        size_t len = strlen(p);
        bool good = len >= 2 && isalnum((unsigned char)*p);

        for (size_t i = 0; good && i < len; i++)
                good = (unsigned char)p[i] < 0x80 && (isalnum((unsigned char)p[i]) || strchr("_.-", p[i]));
        if (!good)
                return error_set(err, ERROR_INVALID,
                                 "Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
                                 name);
        /* It becomes part of file names and of a cgroup. */
        if (len > 255)
                return error_set(err, ERROR_INVALID, "Invalid container name: longer than 255 characters");
        return 0;
}

char *container_name_make(struct engine *engine)
{
        for (unsigned attempt = 0;; attempt++) {
                uint32_t random[2] = {};
                cleanup_free char *name = NULL;

                if (getrandom(random, sizeof(random), 0) < 0)
                        random[0] = random[1] = attempt;
                name = string_format("%s_%s", adjectives[random[0] % ARRAY_SIZE(adjectives)],
                                     surnames[random[1] % ARRAY_SIZE(surnames)]);
                if (attempt >= 5) {
                        char *longer = string_format("%s%u", name, random[0] % 10 + attempt);

                        free(name);
                        name = longer;
                }
                if (!container_named(engine, name))
                        return take_ptr(name);
        }
}
