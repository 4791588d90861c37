// SPDX-License-Identifier: MIT
// wscat.js PORT PORT WSCAT - two people with wscat, on two linked nodes.
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

async function two_people_talk() {
	const anna = start(left, '/chat/kitchen');
	const bert = start(right, '/chat/kitchen');
	await Promise.all([says(anna, 'Connected'), says(bert, 'Connected')]);
	anna.stdin.write('is there tea?\n');
	await says(bert, '< is there tea?');
	bert.stdin.write('grüner\n');
	await says(anna, '< grüner');
	assert.ok(!anna.text.includes('< is there tea?'));
	anna.stdin.end();
	bert.stdin.end();
	await Promise.all([anna, bert].map(
	    (child) => child.exitCode ?? once(child, 'exit')));
}

async function one_line_is_sent_and_echoed() {
	const child = start(left, '/x?echo=1', '-x', 'from -x', '-w', '-1');
	await says(child, 'from -x');
	child.kill();
	await once(child, 'exit');
}

async function a_refusal_is_told() {
	const child = start(left, '/', '-s', 'chat');
	await says(child, '400');
}

run([two_people_talk, one_line_is_sent_and_echoed, a_refusal_is_told]);
