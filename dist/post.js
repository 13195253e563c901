// After the job: removes the builder that weighbridge made for it. Whatever comes of that, the job is not failed by it.
'use strict';
const { spawnSync } = require('node:child_process');
const { tell } = require('./binary.js');

const builder = process.env.STATE_builder ?? '';
// The names that buildx gives; what starts with a hyphen would be an option.
if (/^[A-Za-z0-9][\w.-]*$/.test(builder)) {
  const { error, status } = spawnSync('docker', ['buildx', 'rm', builder], { stdio: 'inherit', timeout: 60_000 });
  const reason = error?.message ?? `docker ended with ${status}`;
  if (status !== 0) tell('warning', `the builder ${builder} is still there: ${reason}`);
}
