// A provider of OpenID Connect whose answers a test spoils: `node provider.mjs PACKAGE PORT FILE`.
// FILE holds what is laid over the claims of its tokens, over its answer, and over what it says of somebody.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const [, , library, port, file] = process.argv;
const { OAuth2Server } = await import(pathToFileURL(library));
const wishes = () => JSON.parse(readFileSync(file, 'utf8'));
const server = new OAuth2Server();
await server.issuer.keys.generate('RS256');
server.service.on('beforeTokenSigning', (token) => {
  const now = Math.floor(Date.now() / 1000);
  Object.assign(token.payload, wishes().claims);
  if (wishes().ended) Object.assign(token.payload, { iat: now - 7200, nbf: now - 7200, exp: now - 3600 });
});
server.service.on('beforeResponse', (answer) => {
  const { answer: instead, forged } = wishes();
  if (instead) Object.assign(answer, instead);
  if (forged && answer.body.id_token) {
    const [head, body] = answer.body.id_token.split('.');
    answer.body.id_token = `${head}.${body}.${'A'.repeat(342)}`;
  }
});
server.service.on('beforeUserinfo', (answer) => Object.assign(answer.body, wishes().userinfo));
await server.start(Number(port), '127.0.0.1');
server.issuer.url = `http://127.0.0.1:${port}`;
