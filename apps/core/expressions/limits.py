"""How much one expression may be, hold and build; a breach is an ExpressionError."""

MAX_SOURCE_BYTES = 16 * 1024  # one text with its expressions
MAX_EXPRESSIONS = 64  # `{{ … }}` in one text
MAX_NESTING = 32  # brackets, prefix operators, inline ifs, lookups in one path
MAX_TEXT = 1024 * 1024  # characters of a text that an expression builds
MAX_INPUT_TEXT = 16 * 1024 * 1024  # characters that searching filters read
MAX_VALUE_BYTES = 16 * 1024 * 1024  # a list or mapping that an expression builds
MAX_NODES = 500_000  # values inside one list or mapping that we walk
MAX_DEPTH = 100  # lists and mappings inside each other, in data
MAX_ITEMS = 10_000  # range, repetition, batches
MAX_LIST = 100_000  # items of a list that a filter or `+` builds
MAX_BUILT_BYTES = 32 * 1024 * 1024  # all that one evaluation builds and reads, roughly
MAX_INTEGER_BITS = 1024
MAX_DIGITS = 400  # of a number written as text
MAX_PATTERN_BYTES = 512  # regular expressions and JMESPath
MAX_QUERY_WORK = 500_000  # steps of one JMESPath query
MAX_STRUCTURE_DEPTH = 100  # of a value whose texts are compiled
