//! nginx: one worker, keep-alive on both sides, as its own documentation sets up a reverse proxy.

use std::{fs, process::Command};

use crate::server::{Candidate, Requests, Site};

/// Plain proxying.
pub(crate) const NGINX: Candidate = Candidate {
    name: "nginx",
    about: "1 worker, access_log off",
    command: Some(|site| start(site, "", UPSTREAM, "access_log off;", "origin")),
    requests: Requests::Same,
};

/// Plain proxying, with the access log as it comes.
pub(crate) const NGINX_LOG: Candidate = Candidate {
    name: "nginx, log",
    about: "1 worker, access_log to a file",
    command: Some(|site| start(site, "", UPSTREAM, &access_log(site), "origin")),
    requests: Requests::Same,
};

/// The upstream chosen by Lua.
pub(crate) const NGINX_LUA: Candidate = Candidate {
    name: "nginx + Lua",
    about: "balancer_by_lua, access_log off",
    command: Some(|site| start(site, LUA_MODULES, LUA_UPSTREAM, "access_log off;", "origin")),
    requests: Requests::Same,
};

/// A sticky split by user, with the access log: what one would build without Banyan.
pub(crate) const NGINX_SPLIT: Candidate = Candidate {
    name: "nginx, split, log",
    about: "split_clients by x-user-id, access_log to a file",
    command: Some(|site| start(site, "", SPLIT_UPSTREAM, &access_log(site), "$side")),
    requests: Requests::Users,
};

const LUA_MODULES: &str =
    "load_module modules/ndk_http_module.so;\nload_module modules/ngx_http_lua_module.so;\n";

/// `keepalive_requests`: else every thousandth request pays for a new connection, which the others do not.
const UPSTREAM: &str = "
    upstream origin { server ORIGIN; keepalive 128; keepalive_requests 1000000000; }";

const LUA_UPSTREAM: &str = r#"
    lua_package_path "/usr/share/lua/5.1/?.lua;;";
    init_by_lua_block { balancer = require "ngx.balancer" }
    upstream origin {
        server 0.0.0.1;
        balancer_by_lua_block {
            local ok, failure = balancer.set_current_peer("ORIGIN_HOST", ORIGIN_PORT)
            if not ok then ngx.log(ngx.ERR, failure) return ngx.exit(500) end
        }
        keepalive 128;
        keepalive_requests 1000000000;
    }"#;

const SPLIT_UPSTREAM: &str = r#"
    split_clients "articles$http_x_user_id" $side { 50% replacement; * legacy; }
    upstream legacy { server ORIGIN; keepalive 128; keepalive_requests 1000000000; }
    upstream replacement { server ORIGIN; keepalive 128; keepalive_requests 1000000000; }"#;

/// Buffered like Banyan's, so that neither pays for a write per request.
fn access_log(site: &Site) -> String {
    format!("access_log {}/access.log combined buffer=64k flush=1s;", site.dir.display())
}

fn start(site: &Site, modules: &str, upstream: &str, log: &str, target: &str) -> anyhow::Result<Command> {
    let (dir, port) = (site.dir.display(), site.port);
    let upstream = upstream
        .replace("ORIGIN_HOST", &site.origin.ip().to_string())
        .replace("ORIGIN_PORT", &site.origin.port().to_string())
        .replace("ORIGIN", &site.origin.to_string());
    let config = format!(
        r#"{modules}daemon off;
worker_processes 1;
pid {dir}/nginx.pid;
error_log {dir}/error.log warn;
events {{ worker_connections 11000; }}
http {{
    {log}
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    keepalive_timeout 300s;
    keepalive_requests 1000000000;{upstream}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://{target};
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }}
    }}
}}
"#
    );
    let file = site.dir.join("nginx.conf");
    fs::write(&file, config)?;
    let mut command = Command::new("nginx");
    command.arg("-e").arg(site.dir.join("error.log")).arg("-p").arg("/usr/share/nginx").arg("-c").arg(file);
    Ok(command)
}
