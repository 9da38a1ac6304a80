// The sandbox's side of `./dev demo --opencode`, for Node.js and without packages.
//
//   node sandbox.mjs model PORT_FILE CALLS_FILE HOLD_FILE
//       a streaming OpenAI-compatible model on loopback. To a prompt it answers with a call of the tool bash that appends
//       a line to report.txt, to the tool's result with a sentence; while HOLD_FILE is there, that sentence waits. Every
//       request adds a line to CALLS_FILE.
//   node sandbox.mjs count URL PASSWORD DIRECTORY SESSION
//       asks opencode how many prompts the session holds, and how many parts they have together
import fs from 'node:fs';
import http from 'node:http';

const [, , command, ...parameters] = process.argv;
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function resultsSincePrompt(messages) {
    const prompt = messages.map((message) => message.role).lastIndexOf('user');
    return messages.slice(prompt).filter((message) => message.role === 'tool').length;
}

async function answer(request, response, callsFile, holdFile) {
    let text = '';
    for await (const chunk of request) text += chunk;
    const body = JSON.parse(text);
    const afterTool = resultsSincePrompt(body.messages) > 0;
    fs.appendFileSync(callsFile, afterTool ? 'after the tool\n' : 'first\n');
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const send = (delta, finish = null) => {
        const piece = { id: 'demo', object: 'chat.completion.chunk', created: 1, model: body.model };
        piece.choices = [{ index: 0, delta, finish_reason: finish }];
        if (finish) piece.usage = { prompt_tokens: 1200, completion_tokens: 40, total_tokens: 1240 };
        response.write(`data: ${JSON.stringify(piece)}\n\n`);
    };
    send({ role: 'assistant', content: '' });
    if (afterTool) {
        while (fs.existsSync(holdFile) && !response.destroyed) await pause(50);
        for (const word of ['The ', 'report ', 'is ', 'written.']) send({ content: word });
        send({}, 'stop');
    } else {
        const call = { command: 'echo "Revenue is up." >> report.txt', description: 'writes the report' };
        const described = { name: 'bash', arguments: JSON.stringify(call) };
        send({ tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: described }] });
        send({}, 'tool_calls');
    }
    response.end('data: [DONE]\n\n');
}

function serveModel(portFile, callsFile, holdFile) {
    const server = http.createServer((request, response) => {
        if (request.method !== 'POST') return response.end('{}');
        return answer(request, response, callsFile, holdFile).catch(() => response.destroy());
    });
    server.listen(0, '127.0.0.1', () => fs.writeFileSync(portFile, String(server.address().port)));
}

async function countPrompts(url, password, directory, session) {
    const headers = { authorization: `Basic ${Buffer.from(`opencode:${password}`).toString('base64')}` };
    const address = `${url}/session/${session}/message?directory=${encodeURIComponent(directory)}`;
    const messages = await (await fetch(address, { headers })).json();
    const prompts = messages.filter((message) => message.info.role === 'user');
    console.log(`${prompts.length} ${prompts.reduce((sum, prompt) => sum + prompt.parts.length, 0)}`);
}

if (command === 'model') serveModel(...parameters);
else if (command === 'count') await countPrompts(...parameters);
else throw new Error(`sandbox.mjs knows no "${command}"`);
