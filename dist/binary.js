// Finds the weighbridge for this machine, and downloads it once where it is not there.
'use strict';
const { spawnSync } = require('node:child_process');
const { createHash, randomUUID } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const TARGETS = { 'linux-x64': 'x86_64-unknown-linux-musl', 'linux-arm64': 'aarch64-unknown-linux-musl' };
const TRIES = 3;
const TRY_MILLISECONDS = 60_000;
const LARGEST_BYTES = 64 * 1024 * 1024;

// The runner's rule for the names of inputs: blanks become underscores, hyphens stay.
function input(name) {
  return (process.env[`INPUT_${name.replaceAll(' ', '_').toUpperCase()}`] ?? '').trim();
}

// A command to the runner. Its text is one line, and the percent sign comes first because it starts the escapes.
function tell(command, text) {
  const line = text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
  process.stdout.write(`::${command} title=weighbridge::${line}\n`);
}

function find() {
  if (process.env.WEIGHBRIDGE_BIN) return process.env.WEIGHBRIDGE_BIN;
  const machine = `${process.platform}-${process.arch}`;
  const target = TARGETS[machine];
  if (!target) throw new Error(`no binary is made for ${machine}; build one there and name it in WEIGHBRIDGE_BIN`);
  const vendored = path.join(__dirname, '..', 'bin', target, 'weighbridge');
  return fs.existsSync(vendored) ? vendored : cached(`weighbridge-${target}`);
}

function cached(asset) {
  const { version, url, sha256 } = require('./checksums.json');
  const expected = sha256[asset];
  if (!expected) throw new Error(`this commit is no release, so ${asset} has no checksum; use a tag, or WEIGHBRIDGE_BIN`);
  const tools = process.env.RUNNER_TOOL_CACHE;
  if (!tools) throw new Error('RUNNER_TOOL_CACHE is not set; outside of a runner, use WEIGHBRIDGE_BIN');
  const file = path.join(tools, 'weighbridge', version, process.arch, 'weighbridge');
  // A tool cache outlives jobs, so what lies there is believed no more than what comes from the network.
  if (fs.existsSync(file) && digest(fs.readFileSync(file)) === expected) return file;
  const source = `${(input('download-url') || url).replace(/\/+$/, '')}/v${version}/${asset}`;
  const content = download(source);
  const found = digest(content);
  if (found !== expected) throw new Error(`${source} has sha256 ${found} and not ${expected}; it was not executed`);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  // Jobs that start at once share the tool cache: whole or absent, never half.
  const unfinished = `${file}.${randomUUID()}`;
  fs.writeFileSync(unfinished, content, { mode: 0o755 });
  fs.renameSync(unfinished, file);
  return file;
}

function digest(content) {
  return createHash('sha256').update(content).digest('hex');
}

// In a process of its own: node follows the proxy variables only if it was told so before it started.
function download(url) {
  const env = { ...process.env, NODE_USE_ENV_PROXY: '1' };
  const options = { env, maxBuffer: LARGEST_BYTES, timeout: 2 * TRIES * TRY_MILLISECONDS };
  const child = spawnSync(process.execPath, ['--no-warnings', __filename, url], options);
  if (child.status === 0) return child.stdout;
  throw new Error(`cannot download ${url}: ${child.error?.message ?? child.stderr.toString().trim()}`);
}

async function fetched(url, tries) {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(TRY_MILLISECONDS) });
    if (answer.ok) return Buffer.from(await answer.arrayBuffer());
    throw Object.assign(new Error(`HTTP ${answer.status}`), { isFinal: answer.status < 500 && answer.status !== 429 });
  } catch (error) {
    if (tries <= 1 || error.isFinal) throw error;
    await new Promise((wake) => setTimeout(wake, 1000 * (TRIES - tries + 1)));
    return fetched(url, tries - 1);
  }
}

if (require.main === module) {
  const fail = (error) => {
    process.stderr.write(error.cause?.message || error.message);
    process.exitCode = 1;
  };
  fetched(process.argv[2], TRIES).then((content) => process.stdout.write(content), fail);
}

module.exports = { find, input, tell };
