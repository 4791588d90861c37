// SPDX-License-Identifier: MIT
// wscat.js PORT PORT WSCAT - people with wscat, on two linked nodes.
'use strict';

const assert = require('assert');
const { spawn } = require('child_process');
const { once } = require('events');
const { run } = require('./check.js');

const [left, right, wscat] = process.argv.slice(2);

function start(port, path, ...more) {
	const child = spawn(process.execPath,
	    [wscat, '--no-color', '-c', `ws://127.0.0.1:${port}${path}`,
		...more]);
	child.text = '';
	for (const stream of [child.stdout, child.stderr])
		stream.on('data', (data) => {
			child.text += data;
			child.emit('said');
		});
	return child;
}

async function says(child, words) {
	while (!child.text.includes(words)) {
		const ended = once(child, 'exit').then(() => 'ended');
		const said = once(child, 'said');
		if (await Promise.race([ended, said]) === 'ended' &&
		    !child.text.includes(words))
			throw new Error(`no "${words}" in ${child.text}`);
	}
}

// With an echo of her own words each knows that she is connected.
async function three_people_talk() {
	const path = '/chat/kitchen?echo=1';
	const anna = start(left, path, '-w', '-1', '-x', 'anna is here');
	await says(anna, 'anna is here\n');
	const bert = start(right, path, '-w', '-1', '-x', 'is there tea?');
	await says(bert, 'is there tea?\n');
	await says(anna, 'is there tea?\n');
	const cleo = start(left, path, '-x', 'grüner', '-w', '0.1');
	await Promise.all([anna, bert, cleo].map(
	    (child) => says(child, 'grüner\n')));
	if (cleo.exitCode === null)
		await once(cleo, 'exit');
	assert.strictEqual(cleo.exitCode, 0);
	assert.strictEqual(
	    anna.text, 'anna is here\nis there tea?\ngrüner\n');
	assert.strictEqual(bert.text, 'is there tea?\ngrüner\n');
	anna.kill();
	bert.kill();
	await Promise.all([once(anna, 'exit'), once(bert, 'exit')]);
}

async function a_refusal_is_told() {
	const child = start(left, '/', '-s', 'chat');
	await says(child, '400');
}

run([three_people_talk, a_refusal_is_told]);
