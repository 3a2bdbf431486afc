/** What standard output of `review` can get. */
export const REVIEW_FORMATS = ["text", "mail", "json", "sarif", "html"] as const;
export type ReviewFormat = (typeof REVIEW_FORMATS)[number];
