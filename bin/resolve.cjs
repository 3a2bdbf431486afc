// Loaded before src/cli.ts. Our own modules name each other by relative paths with the ending .ts: the place follows from the text, and Node's search (links,
// package.json of every folder) is a third of a short command's time.
const { registerHooks } = require("node:module");

registerHooks({
  resolve(specifier, context, next) {
    if (specifier.startsWith(".") && specifier.endsWith(".ts"))
      return { url: new URL(specifier, context.parentURL).href, format: "module-typescript", shortCircuit: true };
    return next(specifier, context);
  },
});
