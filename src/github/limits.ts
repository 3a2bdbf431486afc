// What GitHub's API takes, in one place. Counted as GitHub counts: characters are UTF-16 code units here, which is never fewer
// than code points, so that a text that fits by this count fits by theirs.
// Source: docs.github.com, REST API, "Checks: check runs" (create and update), and, for comments, the error text of the API itself.

/** output.summary and output.text of a check run, each. */
export const MAX_CHECK_TEXT = 65_535;
/** Body of a comment or review: the API refuses 65 537 characters. One less, as for checks. */
export const MAX_COMMENT_BODY = 65_535;
/** Annotations in one request; further requests append. */
export const ANNOTATIONS_PER_CALL = 50;
/** annotation.title, characters. */
export const MAX_ANNOTATION_TITLE = 255;
/** annotation.message and annotation.raw_details, bytes each. */
export const MAX_ANNOTATION_BYTES = 64 * 1024;
/** Buttons of a check run. */
export const MAX_ACTIONS = 3;
/** Of a button: label and identifier, then description, in characters. */
export const MAX_ACTION_LABEL = 20;
export const MAX_ACTION_DESCRIPTION = 40;
/** The documentation names no limit for output.title; one line of the page holds about this. */
export const MAX_CHECK_TITLE = 120;
