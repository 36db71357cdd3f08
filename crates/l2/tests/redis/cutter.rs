//! A wire that breaks at the worst moment: Redis has done what was asked, and its answer is lost.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// Passes on what is said in both directions.
pub(crate) struct Cutter {
    pub(crate) address: String,
    armed: Arc<AtomicBool>,
    silently: Arc<AtomicBool>,
}

impl Cutter {
    pub(crate) async fn before(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("redis://{}", listener.local_addr().unwrap());
        let armed = Arc::new(AtomicBool::new(false));
        let silently = Arc::new(AtomicBool::new(false));
        let (shared, how) = (Arc::clone(&armed), Arc::clone(&silently));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(server.trim_start_matches("redis://")).await.unwrap();
                tokio::spawn(pass(client, server, Arc::clone(&shared), Arc::clone(&how)));
            }
        });
        Self { address, armed, silently }
    }

    /// The next answer is lost, and the connection with it.
    pub(crate) fn cut_next_answer(&self) {
        self.armed.store(true, SeqCst);
    }

    /// The next answer is lost, and the connection stays open and says nothing any more, as if the host were gone.
    pub(crate) fn silence_next_answer(&self) {
        self.silently.store(true, SeqCst);
        self.armed.store(true, SeqCst);
    }

    pub(crate) fn has_cut(&self) -> bool {
        !self.armed.load(SeqCst)
    }
}

async fn pass(
    mut client: TcpStream,
    mut server: TcpStream,
    armed: Arc<AtomicBool>,
    silently: Arc<AtomicBool>,
) {
    let (mut asked, mut answered) = ([0; 16_384], [0; 16_384]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => match read {
                Ok(length @ 1..) => server.write_all(&asked[..length]).await.unwrap(),
                _ => return,
            },
            read = server.read(&mut answered) => match read {
                Ok(length @ 1..) if !armed.swap(false, SeqCst) => {
                    client.write_all(&answered[..length]).await.unwrap();
                }
                Ok(1..) if silently.load(SeqCst) => pending().await,
                _ => return,
            },
        }
    }
}
