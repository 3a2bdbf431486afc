/*
 * What macros.inc gives to assembly, for C: strings of inline assembly, so that a fixture needs no kernel header.
 * Layouts: struct alt_instr and struct unwind_hint of Linux 6.12.
 */

#define FEATURE_POPCNT "4 * 32 + 23"
#define FEATURE_SMAP "9 * 32 + 20"

#define ALTERNATIVE_ROW(old, new, feature, old_size, new_size)             \
	"\t.pushsection .altinstructions, \"a\"\n"                         \
	"\t.long " old " - ., " new " - .\n"                               \
	"\t.word " feature ", 0\n"                                         \
	"\t.byte " old_size ", " new_size "\n"                             \
	"\t.popsection\n"

/* Code that is replaced at boot on machines with the feature; no-ops follow where it is shorter than the replacement. */
#define ALTERNATIVE(old, new, feature)                                     \
	"9001:\t" old "\n"                                                 \
	"9002:\t.skip -((9004f - 9003f) - (9002b - 9001b) > 0) * "         \
	"((9004f - 9003f) - (9002b - 9001b)), 0x90\n"                      \
	"9005:\n"                                                          \
	"\t.pushsection .altinstr_replacement, \"ax\"\n"                   \
	"9003:\t" new "\n"                                                 \
	"9004:\n"                                                          \
	"\t.popsection\n"                                                  \
	ALTERNATIVE_ROW("9001b", "9003b", feature, "9005b - 9001b", "9004b - 9003b")

/* A section that lists the place before it: relative to the entry, or as it is. */
#define MARK_RELATIVE(section) "9006:\n\t.pushsection .discard." section "\n\t.long 9006b - .\n\t.popsection\n"
#define MARK(section) "9006:\n\t.pushsection .discard." section "\n\t.long 9006b\n\t.popsection\n"

#define ANNOTATE_INTRA_FUNCTION_CALL MARK("intra_function_calls")
#define ANNOTATE_NOENDBR MARK("noendbr")
#define ANNOTATE_RETPOLINE_SAFE MARK("retpoline_safe")
#define VALIDATE_UNRET_BEGIN MARK_RELATIVE("validate_unret")
#define VALIDATE_UNRET_END ANNOTATE_RETPOLINE_SAFE "\tnop\n"

/* reg is an ORC register number (5 is SP, 4 is BP), type an unwind hint type. */
#define HINT(type, reg, offset, signal)                                    \
	"9007:\n"                                                          \
	"\t.pushsection .discard.unwind_hints\n"                           \
	"\t.long 9007b - .\n"                                              \
	"\t.short " #offset "\n"                                           \
	"\t.byte " #reg ", " #type ", " #signal "\n"                       \
	"\t.balign 4\n"                                                    \
	"\t.popsection\n"

#define HINT_END_OF_STACK HINT(1, 0, 0, 0)
#define HINT_REGS_PARTIAL HINT(4, 5, 0, 1)
#define HINT_SAVE HINT(6, 0, 0, 0)
#define HINT_RESTORE HINT(7, 0, 0, 0)

/* What a function may change, for inline assembly that calls one. */
#define CALL_CLOBBERS "memory", "cc", "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11"
