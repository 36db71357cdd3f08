//! A collector of a few lines: takes exports over HTTP/1.1 and hands them to the test.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    time::Duration,
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value, trace::v1::Span,
};
use prost::Message as _;

/// One export as it came over the wire.
#[derive(Debug)]
pub(crate) struct Export {
    /// Request line without its end.
    pub(crate) request_line: String,
    /// Content-Type.
    pub(crate) content_type: String,
    /// Decoded body.
    pub(crate) body: ExportTraceServiceRequest,
}

impl Export {
    /// Its spans.
    pub(crate) fn spans(&self) -> Vec<&Span> {
        self.body
            .resource_spans
            .iter()
            .flat_map(|resource| &resource.scope_spans)
            .flat_map(|scope| &scope.spans)
            .collect()
    }

    /// An attribute of the resource, as text.
    pub(crate) fn resource(&self, key: &str) -> Option<String> {
        let resource = self.body.resource_spans.first()?.resource.as_ref()?;
        let found = resource.attributes.iter().find(|attribute| attribute.key == key)?;
        text(found.value.as_ref()?.value.as_ref()?)
    }
}

/// An attribute of a span, as text.
pub(crate) fn attribute(span: &Span, key: &str) -> Option<String> {
    let found = span.attributes.iter().find(|attribute| attribute.key == key)?;
    text(found.value.as_ref()?.value.as_ref()?)
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Starts a collector that answers every export with `status`. Returns its base URL and what it receives.
pub(crate) fn start(status: &'static str) -> (String, Receiver<Export>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let endpoint = format!("http://{}", listener.local_addr().expect("a bound address"));
    let (exports, received) = sync_channel(64);
    std::thread::spawn(move || {
        while let Ok((connection, _)) = listener.accept() {
            let exports = exports.clone();
            std::thread::spawn(move || serve(&connection, status, &exports));
        }
    });
    (endpoint, received)
}

/// The next export, which must come.
pub(crate) fn next(received: &Receiver<Export>) -> Export {
    received.recv_timeout(Duration::from_secs(20)).expect("an export arrives")
}

fn serve(connection: &TcpStream, status: &str, exports: &SyncSender<Export>) {
    let mut reader = BufReader::new(connection);
    while let Some(export) = read(&mut reader) {
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        let mut writer = connection;
        if exports.send(export).is_err() || writer.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut BufReader<&TcpStream>) -> Option<Export> {
    let mut request_line = String::new();
    reader.read_line(&mut request_line).ok().filter(|&bytes| bytes > 0)?;
    let (mut length, mut content_type) = (0, String::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "content-type" => content_type = value.trim().to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body = ExportTraceServiceRequest::decode(body.as_slice()).expect("the body is an OTLP export");
    Some(Export { request_line: request_line.trim_end().to_owned(), content_type, body })
}
