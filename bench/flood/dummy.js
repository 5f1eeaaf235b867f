// A server that does nothing but answer, for the part of a flood's cost that is the machine's: `node dummy.js PORT`.
import { createServer } from 'node:http';

const body = '{"error":{"code":"challenge-invalid","message":"token is not ours"}}';
const headers = { 'content-type': 'application/json', 'content-length': body.length };

const server = createServer((request, response) => {
  request.resume().on('end', () => response.writeHead(403, headers).end(body));
});
server.listen(Number(process.argv[2]), '127.0.0.1', () => console.log('listening'));
process.stdin.resume().on('end', () => process.exit(0));
