// The action: starts `weighbridge run`, passes signals on to it, and ends as it ended.
'use strict';
const { spawn } = require('node:child_process');
const { signals } = require('node:os').constants;
const { find, input, tell } = require('./binary.js');

// Exit code of weighbridge for what could not be started.
const NOT_STARTED = 3;

// Words as a shell splits them, and nothing of it is expanded.
function words(text) {
  const word = /(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+/gs;
  if (text.replace(word, '').trim()) throw new Error(`args: a quote or an escape is not finished in ${text}`);
  const part = /\\(.)|"((?:[^"\\]|\\.)*)"|'([^']*)'/gs;
  const plain = (_, escaped, double, single) => escaped ?? double?.replace(/\\(["\\$`])/g, '$1') ?? single;
  return (text.match(word) ?? []).map((found) => found.replace(part, plain));
}

function fail(error) {
  tell('error', error.message);
  process.exitCode = NOT_STARTED;
}

let child;
// The runner signals this process alone. Listening comes first, as a signal may come as soon as the child is there.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child?.kill(signal));
try {
  const binary = find();
  child = spawn(binary, ['run', ...words(input('args'))], { stdio: 'inherit' });
  child.on('error', (error) => fail(new Error(`cannot start ${binary}: ${error.message}`)));
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + signals[signal];
  });
} catch (error) {
  fail(error);
}
