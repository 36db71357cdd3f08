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

/// Its own cache, in files in memory.
pub(crate) const NGINX_CACHE: Candidate = Candidate {
    name: "nginx proxy_cache",
    about: "on tmpfs, access_log to a file",
    command: Some(|site| cache(site, "")),
    requests: Requests::Same,
};

/// Its cache, where one request at a time fetches what is missing.
pub(crate) const NGINX_CACHE_LOCK: Candidate = Candidate {
    name: "nginx, lock",
    about: "proxy_cache_lock",
    command: Some(|site| cache(site, "proxy_cache_lock on;")),
    requests: Requests::Same,
};

/// Its cache, which answers with what it has while one request fetches anew.
pub(crate) const NGINX_CACHE_UPDATING: Candidate = Candidate {
    name: "nginx, lock, stale",
    about: "the same and proxy_cache_use_stale updating, proxy_cache_background_update",
    command: Some(|site| {
        cache(site, "proxy_cache_lock on; proxy_cache_use_stale updating; proxy_cache_background_update on;")
    }),
    requests: Requests::Same,
};

/// A cache in Lua, in the worker's own memory.
pub(crate) const NGINX_LRUCACHE: Candidate = Candidate {
    name: "nginx + Lua lrucache",
    about: "content_by_lua, lua-resty-lrucache, access_log to a file",
    command: Some(|site| {
        serve(site, LUA_MODULES, &format!("{}{LUA_CACHE}", access_log(site)), LUA_LOCATIONS)
    }),
    requests: Requests::Same,
};

/// nginx with its own cache and these directives besides. Without `user root` a worker of a master that is root is
/// somebody else, to whom the directory is closed.
fn cache(site: &Site, more: &str) -> anyhow::Result<Command> {
    let http = format!("{}{UPSTREAM}{CACHE}", access_log(site));
    let location = format!("location / {{ {} proxy_cache items; {more} }}", proxy_to("origin"));
    serve(site, "user root;\n", &http, &location)
}

const CACHE: &str = "
    sendfile on;
    tcp_nopush on;
    proxy_cache_path MEMORY/items levels=1:2 keys_zone=items:16m max_size=1g inactive=2h use_temp_path=off;";

/// Twice the keys that are asked for: an LRU that is just full would measure evictions.
const LUA_CACHE: &str = r#"
    lua_package_path "/usr/share/lua/5.1/?.lua;;";
    init_by_lua_block { items = require("resty.lrucache").new(20000) }
    upstream origin { server ORIGIN; keepalive 128; keepalive_requests 1000000000; }"#;

const LUA_LOCATIONS: &str = r#"location / {
            content_by_lua_block {
                local key = ngx.var.request_uri
                local item = items:get(key)
                if not item then
                    local answer = ngx.location.capture("/origin" .. key)
                    item = { type = answer.header["Content-Type"], body = answer.body }
                    local control = answer.header["Cache-Control"] or ""
                    local max_age = tonumber(control:match("max%-age=(%d+)"))
                    if answer.status ~= 200 then return ngx.exit(answer.status) end
                    if max_age then items:set(key, item, max_age) end
                end
                ngx.header["Content-Type"] = item.type
                ngx.header["Content-Length"] = #item.body
                ngx.print(item.body)
            }
        }
        location /origin/ {
            internal;
            proxy_pass http://origin/;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }"#;

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
    let location = format!("location / {{ {} }}", proxy_to(target));
    serve(site, modules, &format!("{log}{upstream}"), &location)
}

/// The directives that pass a request on, with connections kept open.
fn proxy_to(target: &str) -> String {
    format!(r#"proxy_pass http://{target}; proxy_http_version 1.1; proxy_set_header Connection "";"#)
}

/// One worker: `main`, `http` and `locations` stand in the contexts of those names. `ORIGIN`, and `MEMORY` for a directory
/// in memory, are filled in.
fn serve(site: &Site, main: &str, http: &str, locations: &str) -> anyhow::Result<Command> {
    let (dir, port) = (site.dir.display(), site.port);
    let config = format!(
        r#"{main}daemon off;
worker_processes 1;
pid {dir}/nginx.pid;
error_log {dir}/error.log warn;
events {{ worker_connections 11000; }}
http {{
    {http}
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    keepalive_timeout 300s;
    keepalive_requests 1000000000;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        {locations}
    }}
}}
"#
    );
    let config = config
        .replace("MEMORY", &site.memory.display().to_string())
        .replace("ORIGIN_HOST", &site.origin.ip().to_string())
        .replace("ORIGIN_PORT", &site.origin.port().to_string())
        .replace("ORIGIN", &site.origin.to_string());
    let file = site.dir.join("nginx.conf");
    fs::write(&file, config)?;
    let mut command = Command::new("nginx");
    command.arg("-e").arg(site.dir.join("error.log")).arg("-p").arg("/usr/share/nginx").arg("-c").arg(file);
    Ok(command)
}
