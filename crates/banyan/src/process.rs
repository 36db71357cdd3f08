//! A gateway with everything around it: opened in the order that lets nothing be half there, ended in the reverse order.

use std::{fs, io, net::TcpListener, path::Path, sync::Arc, thread::JoinHandle};

use anyhow::{Context as _, Result};
use banyan_config::plan::{Ofrep, Plan, State};
use banyan_control::{Control, Parts, Token};
use banyan_gateway::{Deps, Gateway};
use banyan_state::{Address, ServerAddress, Store, live::Units};
use banyan_telemetry::{
    metrics::Metrics,
    spans::{Spans, SpansGuard},
    timeline::Timeline,
};
use rand::Rng as _;
use tokio::sync::oneshot;

use crate::plane::Plane;

/// Name of the secret that signs subject cookies.
const COOKIE_SECRET: &str = "subject-cookie";

/// A running gateway and its control plane.
pub(crate) struct Process {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) units: Arc<Units>,
    control: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
    /// What serves flags to applications, if the config wants it.
    ofrep: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
    /// Ends last, so that the last spans are sent.
    _spans: Option<SpansGuard>,
}

impl Process {
    /// Starts everything for a checked plan. When it returns, connections are accepted and the admin API answers.
    ///
    /// # Errors
    /// When something cannot be had; nothing keeps running then.
    pub(crate) fn start(config: &Path, plan: Plan) -> Result<Self> {
        let plan = Arc::new(plan);
        banyan_gateway::check(&plan).context("the config cannot be applied")?;
        let store = open_store(&plan.state)?;
        let token = banyan_control::load_or_create(&plan.admin.token_file)?;
        let cookie_secret = store.secret(COOKIE_SECRET, &rand::rng().random())?;
        let units = Arc::new(Units::default());
        banyan_control::restore(&*store, &units, &plan)?;
        let admin = listen(plan.admin.listen).context("admin API")?;
        let probes = plan.probes.map(listen).transpose().context("probes")?;
        let ofrep = plan.ofrep.as_ref().map(open_ofrep).transpose().context("flags for applications")?;
        let (spans, guard) = spans(&plan)?;
        let timeline = Arc::<Timeline>::default();
        let deps = Deps {
            units: units.clone(),
            cookie_secret,
            metrics: Metrics::default(),
            spans,
            timeline: timeline.clone(),
        };
        let gateway = Arc::new(Gateway::start(plan.clone(), deps)?);
        let parts = Parts {
            plan: plan.clone(),
            config: config.to_owned(),
            store,
            units: units.clone(),
            data_plane: Arc::new(Plane::started(gateway.clone())),
            metrics: gateway.metrics(),
            timeline,
            token,
            version: env!("CARGO_PKG_VERSION"),
            node: node(&plan),
        };
        let control = Control::new(parts)?;
        let ofrep = ofrep.map(|(listener, token)| start_ofrep(control.ofrep(token), listener)).transpose()?;
        let control = start_control(control, admin, probes)?;
        Ok(Self { gateway, units, control: Some(control), ofrep, _spans: guard })
    }

    /// Drains: the data plane first, and the admin API, which says so meanwhile, last.
    pub(crate) fn end(mut self) {
        self.gateway.drain();
        for (what, thread) in
            [("flags for applications", self.ofrep.take()), ("the control plane", self.control.take())]
        {
            let Some((stop, thread)) = thread else { continue };
            // Who has ended already hears nothing, and need not.
            let told = stop.send(()).is_ok();
            if thread.join().is_err() {
                tracing::error!(told, what, "a thread panicked");
            }
        }
    }
}

/// What must survive, wherever the config keeps it.
fn open_store(state: &State) -> Result<Arc<dyn Store>> {
    let address = match state {
        State::File(path) => Address::File(path.clone()),
        State::Postgres(postgres) => {
            let read = |file: &banyan_config::plan::File| {
                let path = file.path.display();
                fs::read_to_string(&file.path).with_context(|| format!("cannot read the password in {path}"))
            };
            let from_file = postgres.password_file().map(read).transpose()?;
            Address::Server(ServerAddress::read(postgres.url(from_file.as_deref()).expose())?)
        }
    };
    Ok(banyan_state::open(&address)?)
}

/// The name of this node: what the config says, else that of the host.
fn node(plan: &Plan) -> Arc<str> {
    let host = || Arc::from(rustix::system::uname().nodename().to_string_lossy());
    plan.node.clone().unwrap_or_else(host)
}

fn spans(plan: &Plan) -> Result<(Option<Spans>, Option<SpansGuard>)> {
    let Some(otlp) = &plan.otlp else { return Ok((None, None)) };
    let (spans, guard) = Spans::start(&otlp.endpoint).context("trace export")?;
    Ok((Some(spans), Some(guard)))
}

fn listen(address: std::net::SocketAddr) -> Result<TcpListener> {
    let listener = TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Where applications ask, and with what token.
fn open_ofrep(ofrep: &Ofrep) -> Result<(TcpListener, Option<Token>)> {
    let token = ofrep.token_file.as_deref().map(banyan_control::load_or_create).transpose()?;
    Ok((listen(ofrep.listen)?, token))
}

/// On a thread of its own, so that applications never keep the admin API from answering.
fn start_ofrep(
    ofrep: banyan_control::Ofrep,
    listener: TcpListener,
) -> io::Result<(oneshot::Sender<()>, JoinHandle<()>)> {
    let (stop, stopped) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let run = async move {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        ofrep.serve(listener, async { drop(stopped.await) }).await;
        io::Result::Ok(())
    };
    let thread = std::thread::Builder::new().name("ofrep".into()).spawn(move || {
        if let Err(error) = runtime.block_on(run) {
            tracing::error!(%error, "flags are not served to applications any more; traffic goes on without it");
        }
    })?;
    Ok((stop, thread))
}

fn start_control(
    control: Control,
    admin: TcpListener,
    probes: Option<TcpListener>,
) -> io::Result<(oneshot::Sender<()>, JoinHandle<()>)> {
    let (stop, stopped) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let run = async move {
        let admin = tokio::net::TcpListener::from_std(admin)?;
        let probes = probes.map(tokio::net::TcpListener::from_std).transpose()?;
        let shutdown = async {
            // A sender that is dropped means the end as well.
            drop(stopped.await);
        };
        control.serve(admin, probes, shutdown).await
    };
    let thread = std::thread::Builder::new().name("control".into()).spawn(move || {
        if let Err(error) = runtime.block_on(run) {
            tracing::error!(%error, "the control plane ended; traffic goes on without it");
        }
    })?;
    Ok((stop, thread))
}
