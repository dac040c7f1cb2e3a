//! Threads that take what waits, together: alone, a request is served at once; under load many share
//! the work of one. They are few, and apart from those that prove: a proof takes all cores for
//! seconds, and a payer does not wait for it.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

/// Threads with a queue. Dropped, they finish what waits, and have ended when that returns.
pub(crate) struct Pool<J> {
    queue: Arc<Queue<J>>,
    /// What the threads do in parallel stays among them: each serves alone.
    _threads: ThreadPool,
}

type Serve<J> = dyn Fn(Vec<J>) + Send + Sync;

struct Queue<J> {
    state: Mutex<State<J>>,
    came: Condvar,
    ended: Condvar,
    together_max: usize,
}

struct State<J> {
    waiting: VecDeque<J>,
    /// How many threads have nothing to do.
    idle: usize,
    /// How many have not ended.
    running: usize,
    /// Whether nothing more will come.
    closed: bool,
    /// What they do. Taken away at the end: what it holds is let go of then.
    serve: Option<Arc<Serve<J>>>,
}

impl<J: Send + 'static> Pool<J> {
    /// Starts threads that serve what is handed in, at most `together_max` at a time each.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub(crate) fn start(
        together_max: usize,
        serve: impl Fn(Vec<J>) + Send + Sync + 'static,
    ) -> Result<Self, ThreadPoolBuildError> {
        let running = thread::available_parallelism().map_or(2, usize::from).max(2);
        let threads = ThreadPoolBuilder::new()
            .num_threads(running)
            .thread_name(|index| format!("accept-{index}"))
            .build()?;
        let serve: Arc<Serve<J>> = Arc::new(serve);
        let state =
            State { waiting: VecDeque::new(), idle: 0, running, closed: false, serve: Some(serve) };
        let queue = Queue {
            state: Mutex::new(state),
            came: Condvar::new(),
            ended: Condvar::new(),
            together_max,
        };
        let queue = Arc::new(queue);
        let theirs = Arc::clone(&queue);
        threads.spawn_broadcast(move |_| theirs.serve());
        Ok(Self { queue, _threads: threads })
    }

    /// Hands in requests, to be served in about this order. How many may wait is the caller's to
    /// bound.
    pub(crate) fn hand_in(&self, jobs: impl IntoIterator<Item = J>) {
        let mut state = self.queue.lock();
        let before = state.waiting.len();
        state.waiting.extend(jobs);
        let wanted = (state.waiting.len() - before).min(state.idle);
        drop(state);
        (0..wanted).for_each(|_| self.queue.came.notify_one());
    }
}

impl<J> Queue<J> {
    /// What a thread does.
    fn serve(&self) {
        while let Some((jobs, serve)) = self.take() {
            // Whoever asked sees that nobody answers; the others are served.
            if catch_unwind(AssertUnwindSafe(|| serve(jobs))).is_err() {
                tracing::error!("a thread that serves requests panicked; it goes on");
            }
        }
        self.lock().running -= 1;
        self.ended.notify_all();
    }

    /// What one thread is to serve next, and how; nothing when there will be nothing more.
    fn take(&self) -> Option<(Vec<J>, Arc<Serve<J>>)> {
        let mut state = self.lock();
        while state.waiting.is_empty() {
            if state.closed {
                return None;
            }
            state.idle += 1;
            state = self.came.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
        // Idle threads get their share.
        let share = state.waiting.len().div_ceil(state.idle + 1).min(self.together_max);
        let serve = state.serve.clone()?;
        Some((state.waiting.drain(..share).collect(), serve))
    }

    fn lock(&self) -> MutexGuard<'_, State<J>> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<J> Drop for Pool<J> {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        state.closed = true;
        self.queue.came.notify_all();
        while state.running > 0 {
            state = self.queue.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.serve = None;
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, time::Duration};

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    /// A job that says that it was begun, and waits to be let go on.
    struct Held {
        number: usize,
        begun: mpsc::Sender<Vec<usize>>,
        go_on: Arc<Mutex<mpsc::Receiver<()>>>,
    }

    fn serve(jobs: Vec<Held>) {
        let numbers = jobs.iter().map(|job| job.number).collect();
        let (begun, go_on) = (&jobs[0].begun, &jobs[0].go_on);
        begun.send(numbers).expect("the test listens");
        let _ = go_on.lock().expect("a lock").recv_timeout(LONG);
    }

    #[test]
    fn what_waits_is_taken_together_up_to_the_most() {
        let pool = Pool::start(8, serve).expect("threads");
        let (begun, begins) = mpsc::channel();
        let (go, go_on) = mpsc::channel();
        let go_on = Arc::new(Mutex::new(go_on));
        let job = |number| Held { number, begun: begun.clone(), go_on: Arc::clone(&go_on) };
        // Every thread is held by one job.
        let threads = thread::available_parallelism().map_or(2, usize::from).max(2);
        for number in 0..threads {
            pool.hand_in([job(number)]);
            assert_eq!(begins.recv_timeout(LONG), Ok(vec![number]), "alone, served at once");
        }
        pool.hand_in((100..120).map(job));
        for _ in 0..threads + 20 {
            go.send(()).expect("the pool listens");
        }
        let mut seen = Vec::new();
        let first = begins.recv_timeout(LONG).expect("served");
        assert_eq!(first, (100..108).collect::<Vec<_>>(), "as many as may");
        seen.extend(first);
        while seen.len() < 20 {
            let taken = begins.recv_timeout(LONG).expect("served");
            assert!(taken.len() <= 8);
            seen.extend(taken);
        }
        seen.sort_unstable();
        assert_eq!(seen, (100..120).collect::<Vec<_>>(), "each once");
    }

    #[test]
    fn a_panic_takes_no_thread_with_it() {
        let (told, tells) = mpsc::channel();
        let pool = Pool::start(1, move |jobs: Vec<usize>| {
            assert!(!jobs.contains(&13), "unlucky");
            told.send(jobs).expect("the test listens");
        })
        .expect("threads");
        let threads = thread::available_parallelism().map_or(2, usize::from).max(2);
        pool.hand_in((0..=threads).map(|_| 13));
        pool.hand_in([1]);
        assert_eq!(tells.recv_timeout(LONG), Ok(vec![1]));
    }

    #[test]
    fn what_waits_is_served_before_the_end() {
        let (told, tells) = mpsc::channel();
        let pool = Pool::start(1, move |jobs: Vec<usize>| {
            thread::sleep(Duration::from_millis(1));
            told.send(jobs[0]).expect("the test listens");
        })
        .expect("threads");
        pool.hand_in(0..50);
        drop(pool);
        // Nobody is left who could tell more: what they did it with is gone, too.
        assert_eq!(tells.try_iter().count(), 50);
        assert_eq!(tells.try_recv(), Err(mpsc::TryRecvError::Disconnected));
    }
}
