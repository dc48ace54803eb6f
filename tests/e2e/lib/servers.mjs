// SPDX-License-Identifier: MIT
// The web servers of Debian, each started with our own example of conf/, in
// which only the variables are changed; what an example needs around it (the
// modules, a place for temporary files) is here.  None becomes a daemon, none
// is root: what root starts runs as www-data.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { BIN, LIGHTTPD, REPO, startSluice } from './sluice.mjs';

const WWW = path.join(path.dirname(BIN), 'www');
const MODULES = '/usr/lib/apache2/modules';

// Who serves.
const as = process.getuid() === 0
  ? (([, , uid, gid]) => ({ uid: Number(uid), gid: Number(gid) }))(
    fs.readFileSync('/etc/passwd', 'utf8').match(/^www-data:.*$/m)[0]
      .split(':'))
  : undefined;

// An example with its variables set: [pattern, replacement], each found once.
function example(name, changes) {
  let text = fs.readFileSync(path.join(REPO, 'conf', name), 'utf8');
  for (const [pattern, value] of changes) {
    assert.equal(text.match(new RegExp(pattern, 'gm'))?.length, 1,
      `${pattern} in conf/${name}`);
    text = text.replace(new RegExp(pattern, 'm'), () => value);
  }
  return text;
}

// A directory of the server's own.
const makeDir = (dir) => {
  fs.mkdirSync(dir);
  if (as)
    fs.chownSync(dir, as.uid, as.gid);
  return dir;
};

// The page and the program, as `make install` lays them out.
function install(o) {
  fs.cpSync(WWW, `${o.dir}/www`, { recursive: true });
  fs.mkdirSync(`${o.dir}/lib`);
  fs.copyFileSync(BIN, `${o.dir}/lib/sluice.fcgi`);
  makeDir(`${o.dir}/run`);
}

const env = (o) => ({ SLUICE_CONFIG: `${o.dir}/sluice.json` });
const spawned = (o) => ({
  pool: [path.join(REPO, 'conf/spawn.sh')],
  env: { ...env(o), SLUICE_PROGRAM: `${o.dir}/lib/sluice.fcgi`,
    SLUICE_SOCKET: `${o.dir}/run/sluice.sock`, SLUICE_POOL: String(o.procs) },
});

const lighttpd = (name, vars) => (o) => {
  install(o);
  const all = { program: `"${o.dir}/lib/sluice.fcgi"`,
    socket: `"${o.dir}/run/sluice.sock"`, www: `"${o.dir}/www"`,
    run: `"${o.dir}/run"`, config: `"${o.dir}/sluice.json"`, port: o.port, pool: o.procs };
  fs.writeFileSync(`${o.dir}/server.conf`, 'server.upload-dirs = (' +
    `"${o.dir}/run")\n` + example(name, vars.map((v) => [
    `^var\\.${v} +=.*$`, `var.${v} = ${all[v]}`])));
  return { argv: [LIGHTTPD, '-D', '-f', `${o.dir}/server.conf`], env: env(o),
    ...(vars.includes('socket') ? spawned(o) : {}) };
};

const apacheMain = (o, modules, site) => `ServerRoot "${o.dir}"
ServerName localhost
Listen 127.0.0.1:${o.port}
PidFile "${o.dir}/run/apache.pid"
DefaultRuntimeDir "${o.dir}/run"
ErrorLog "${o.dir}/run/server.log"
StartServers 1
# what Debian's apache2.conf says: silence that .htaccess has to live with
Timeout 300
${['mpm_event', 'authz_core', 'mime', 'dir', 'alias', 'env', 'setenvif',
    'rewrite', 'reqtimeout', ...modules].map((m) =>
    `LoadModule ${m}_module ${MODULES}/mod_${m}.so`).join('\n')}
TypesConfig /etc/mime.types
<IfModule fcgid_module>
  FcgidIPCDir "${o.dir}/run/fcgid"
  FcgidProcessTableFile "${o.dir}/run/fcgid.shm"
</IfModule>
<IfModule cgid_module>
  ScriptSock cgid.sock
</IfModule>
<Directory />
  Options FollowSymLinks
  AllowOverride None
  Require all denied
</Directory>
${site}`;

function startApache(o, modules, site) {
  fs.writeFileSync(`${o.dir}/server.conf`, apacheMain(o, modules, site));
  return ['/usr/sbin/apache2', '-DFOREGROUND', '-f', `${o.dir}/server.conf`];
}

const apache = (name, modules, vars) => (o) => {
  install(o);
  const all = { LIB: `${o.dir}/lib`, WWW: `${o.dir}/www`,
    CONF: `${o.dir}/sluice.json`, SOCKET: `${o.dir}/run/sluice.sock`,
    HOST: 'localhost', PORT: o.port };
  const site = example(name, [...vars, 'WWW', 'HOST', 'PORT'].map((v) => [
    `^Define SLUICE_${v} +.*$`, `Define SLUICE_${v} ${all[v]}`]));
  return { argv: startApache(o, modules, site),
    ...(vars.includes('SOCKET') ? spawned(o) : {}) };
};

// A web space where nothing but .htaccess is ours.
const htaccess = (modules, handler) => (o) => {
  makeDir(`${o.dir}/run`);
  const site = `${o.dir}/public_html`;
  fs.cpSync(WWW, site, { recursive: true });
  fs.copyFileSync(BIN, `${site}/sluice.fcgi`);
  fs.symlinkSync('../sluice.json', `${site}/sluice.json`);
  fs.writeFileSync(`${site}/.htaccess`, example('htaccess', [
    ['SetHandler .*$', `SetHandler ${handler}`]]));
  return { argv: startApache(o, modules, `
DocumentRoot "${site}"
<Directory "${site}">
  AllowOverride FileInfo Options
  Require all granted
</Directory>
`) };
};

const nginx = (o) => {
  install(o);
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (t) => `  ${t}_temp_path ${o.dir}/run/${t};`).join('\n');
  fs.writeFileSync(`${o.dir}/server.conf`, `
daemon off;
worker_processes 2;
worker_rlimit_nofile 4096;
pid ${o.dir}/run/nginx.pid;
error_log ${o.dir}/run/server.log;
events { worker_connections 2048; }
http {
  include /etc/nginx/mime.types;
  access_log off;
${temp}
${example('nginx.conf', [
    ['unix:/run/sluice/sluice.sock', `unix:${o.dir}/run/sluice.sock`],
    ['listen 80;', `listen 127.0.0.1:${o.port};`],
    ['root .*;$', `root ${o.dir}/www;`]])}
}
`);
  return { argv: ['/usr/sbin/nginx', '-e', `${o.dir}/run/server.log`, '-c',
    `${o.dir}/server.conf`], ...spawned(o) };
};

const caddy = (o) => {
  install(o);
  const file = `${o.dir}/Caddyfile`;
  fs.writeFileSync(file, `{
	admin unix/${o.dir}/run/admin.sock
	auto_https off
	default_bind 127.0.0.1
	log {
		output file ${o.dir}/run/server.log
	}
}
${example('Caddyfile', [])}`);
  const pool = spawned(o);
  return { argv: ['/usr/bin/caddy', 'run', '--adapter', 'caddyfile',
    '--config', file], pool: pool.pool, env: { ...pool.env,
    HOME: `${o.dir}/run`, XDG_DATA_HOME: `${o.dir}/run`,
    XDG_CONFIG_HOME: `${o.dir}/run`, SLUICE_SITE: `:${o.port}`,
    SLUICE_WWW: `${o.dir}/www` } };
};

// What is known of each (reference: measured here, so that it stays true).
//	front	  how to start it
//	cgi	  a process for each request
//	tells	  how it tells that a client has left: 'at once', or after how
//		  many of our writes
//	reload	  the signal of a reload; a running stream is always kept
//	mayCut	  but for this: the old lighttpd drains twice over when the new
//		  one is quick, and the second time means now (1.4.69)
//	killed	  how a client sees the death of its responder in mid-stream:
//		  'cut' is honest, 'clean' only a missing last event tells
//	slash	  false: %2F in a path is 404
//	perProcess  mod_fcgid: one call at a time for each process
export const SERVERS = {
  'lighttpd FastCGI pool': { tells: 'at once', reload: 'SIGUSR1',
    killed: 'cut',
    front: lighttpd('lighttpd.conf',
      ['program', 'www', 'run', 'port', 'pool']) },
  'lighttpd external': { tells: 'at once', reload: 'SIGUSR1', killed: 'cut',
    mayCut: true,
    front: lighttpd('lighttpd-external.conf',
      ['socket', 'www', 'run', 'port']) },
  'lighttpd CGI': { cgi: true, tells: 'at once', reload: 'SIGUSR1',
    killed: 'clean',
    front: lighttpd('lighttpd-cgi.conf',
      ['program', 'config', 'www', 'run', 'port']) },
  'Apache mod_fcgid': { perProcess: true, tells: 3, reload: 'SIGUSR1',
    killed: 'clean',
    front: apache('apache-fcgid.conf', ['fcgid'], ['LIB', 'CONF']) },
  'Apache mod_proxy_fcgi': { tells: 3, reload: 'SIGUSR1', killed: 'cut',
    front: apache('apache-proxy-fcgi.conf', ['proxy', 'proxy_fcgi'],
      ['SOCKET']) },
  'Apache CGI': { cgi: true, tells: 3, reload: 'SIGUSR1', killed: 'clean',
    front: apache('apache-cgi.conf', ['cgid'], ['LIB', 'CONF']) },
  '.htaccess CGI': { cgi: true, tells: 3, reload: 'SIGUSR1',
    killed: 'clean', slash: false,
    front: htaccess(['cgid'], 'cgi-script') },
  '.htaccess mod_fcgid': { perProcess: true, tells: Infinity,
    reload: 'SIGUSR1', killed: 'clean', slash: false, limited: true,
    front: htaccess(['fcgid'], 'fcgid-script') },
  nginx: { tells: 'at once', reload: 'SIGHUP', killed: 'clean',
    front: nginx },
  Caddy: { tells: 8, reload: reloadCaddy, killed: 'clean', front: caddy },
};

// As Debian's caddy.service does it.
function reloadCaddy(sluice) {
  return promisify(execFile)('/usr/bin/caddy', ['reload', '--force',
    '--adapter', 'caddyfile', '--config', `${sluice.dir}/Caddyfile`,
    '--address', `unix/${sluice.dir}/run/admin.sock`], { ...as,
    cwd: sluice.dir, env: { ...process.env, ...sluice.front.env } });
}

export const reload = (server, sluice) =>
  (typeof server.reload === 'function' ? server.reload(sluice)
    : sluice.signal(server.reload));

// startBehind('nginx', { upstream, procs, conf }): like startSluice.
export const startBehind = (name, opts) => startSluice({ as, ...opts,
  front: SERVERS[name].front });
