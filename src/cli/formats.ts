/** What standard output of `review` can get. */
export const REVIEW_FORMATS = ["text", "mail", "json", "sarif", "html"] as const;
export type ReviewFormat = (typeof REVIEW_FORMATS)[number];

export const KNOWN_DEFECTS_OPTIONS = ["mute", "show"] as const;
/** What becomes of findings that a known defect of the compiler explains. */
export type KnownDefectsOption = (typeof KNOWN_DEFECTS_OPTIONS)[number];
