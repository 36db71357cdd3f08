//! The world of the example: dependencies that fail, a service with the library, the same one without, and callers.
//!
//! `policies.rs` and `resilient.rs` are what a service of your own would have; everything else is there to try them.

mod chaos;
mod client;
mod counts;
mod data;
mod dependencies;
mod fetch;
mod figures;
mod judge;
mod last_good;
mod load;
mod plain;
mod policies;
mod profile;
mod question;
mod resilient;
mod serve;

use std::{fmt, net::SocketAddr, sync::Arc};

use tokio::task::JoinSet;

use self::dependencies::Dependencies;
pub(crate) use self::{
    counts::{Counted, Counts},
    figures::Figures,
    load::Load,
};

/// Whatever may go wrong while things are set up.
pub(crate) type SetUpError = Box<dyn std::error::Error + Send + Sync>;

/// Both variants of the service. Each has dependencies of its own, so that neither is in the other's way, and both sets
/// fail in the same way at the same questions. Dropping it ends everything.
pub(crate) struct World {
    /// The service that calls its dependencies through the library.
    pub(crate) resilient: SocketAddr,
    /// The service that just calls them.
    pub(crate) plain: SocketAddr,
    /// What the first one calls.
    dependencies: Dependencies,
    /// What the library did in it.
    pub(crate) counts: Arc<Counts>,
    /// The servers.
    _servers: JoinSet<()>,
}

impl World {
    /// Starts all servers on free ports of the loopback interface. The seed decides which questions come to grief.
    ///
    /// # Errors
    /// When there is no port to be had, or a policy cannot be.
    pub(crate) async fn start(seed: u64) -> Result<Self, SetUpError> {
        let (mut servers, counts) = (JoinSet::new(), Arc::new(Counts::default()));
        let dependencies = Dependencies::start(seed, &mut servers).await?;
        let resilient = resilient::router(dependencies, seed, counts.clone())?;
        let resilient = serve::start(resilient, &mut servers).await?;
        let plain = plain::router(Dependencies::start(seed, &mut servers).await?);
        let plain = serve::start(plain, &mut servers).await?;
        Ok(Self { resilient, plain, dependencies, counts, _servers: servers })
    }
}

/// Where everything is, for people with curl.
impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Dependencies { users, recommendations, reviews } = self.dependencies;
        writeln!(f, "with the library   http://{}/profiles/7", self.resilient)?;
        writeln!(f, "without it         http://{}/profiles/7", self.plain)?;
        writeln!(f, "users              http://{users}/7")?;
        writeln!(f, "recommendations    http://{recommendations}/7")?;
        writeln!(f, "reviews            http://{reviews}/7")
    }
}
