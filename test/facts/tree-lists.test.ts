import assert from "node:assert/strict";
import { test } from "node:test";
import { readNoreturnList, readUaccessSafeList } from "../../src/facts/tree-lists.ts";

test("the list as a header of macro lines, 6.4 and later", () => {
  const text = `/* SPDX: NORETURN(in_comment) */
/*
 * NORETURN(also_in_comment)
 */
NORETURN(first_stop)
NORETURN( second_stop )
// NORETURN(third)
NORETURN(first_stop)
`;
  assert.deepEqual(readNoreturnList(text), ["first_stop", "second_stop"]);
});

test("the list as an array inside check.c, before 6.4", () => {
  const text = `static bool dead_end(void)
{
	/* "not_this" */
	static const char * const global_noreturns[] = {
		"alpha_stop",
		"beta_" "stop", /* "commented" */
	};
	puts("nor_this");
}
`;
  assert.deepEqual(readNoreturnList(text), ["alpha_stop", "beta_stop"]);
});

test("the user-access-safe list ends at its NULL and leaves comments out", () => {
  const text = `static const char *uaccess_safe_builtin[] = {
	/* KASAN */
	"one_report",
	"two_check",	/* "three" */
	NULL
};
static const char *other[] = { "four" };
`;
  assert.deepEqual(readUaccessSafeList(text), ["one_report", "two_check"]);
});

test("text without a list, and text that is cut off, give no names and no exception", () => {
  assert.deepEqual(readNoreturnList(""), []);
  assert.deepEqual(readUaccessSafeList('static const char *uaccess_safe_builtin[] = { "a", "b"'), []);
});
