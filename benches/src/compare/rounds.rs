//! Measuring: in every case the links take turns, so that a passing disturbance does not hit one of them alone.

use super::cores::Cores;
use super::idle;
use super::link::Link;
use super::options::Options;
use super::pattern::{Case, Pattern};
use super::progress::Progress;
use super::report::{LeftOut, Report, Row, Samples, Turns};
use super::statistics::CallFigures;
use super::table;
use super::worker::Worker;
use crate::Result;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// The part of a turn that is called before anything is measured.
const WARM_UP: u32 = 4;

/// A link and the processes that measure it.
struct Lane {
    link: Link,
    /// Of the case that is being measured: each has processes of its own, so that it does not depend on what other cases
    /// have allocated and freed before it.
    worker: Option<Worker>,
    /// It is not measured any more.
    failed: bool,
}

/// The links, and what came of them so far. What is measured is in the report as soon as a turn has ended.
pub(super) struct Rounds<'a> {
    options: &'a Options,
    cores: Cores,
    folder: TempDir,
    folders: usize,
    lanes: Vec<Lane>,
    pub(super) report: Report,
    /// Of the case that is being measured.
    case: Option<(Case, Vec<(Link, Turns)>)>,
}

impl<'a> Rounds<'a> {
    pub(super) fn new(options: &'a Options, report: Report) -> Result<Self> {
        Ok(Self {
            options,
            cores: Cores::of(&options.runtime.cpus),
            folder: TempDir::new()?,
            folders: 0,
            lanes: Vec::new(),
            report,
            case: None,
        })
    }

    /// Measures everything. May be given up at any time; [`Self::finish`] has then to be called all the same.
    pub(super) async fn run(&mut self) {
        let cases = self.options.cases();
        let links = self.options.links();
        let rounds = cases.iter().map(|case| self.options.rounds(case.pattern));
        let mut progress = Progress::new(rounds.sum::<usize>() * links.len());
        self.lanes = links
            .into_iter()
            .map(|link| Lane {
                link,
                worker: None,
                failed: false,
            })
            .collect();
        for case in cases {
            self.measure(case, &mut progress).await;
            progress.clear();
            self.end_case();
            self.close_all().await;
        }
    }

    /// Every process has its own folder for its sockets.
    fn new_folder(&mut self) -> Result<PathBuf> {
        let folder = self.folder.path().join(self.folders.to_string());
        self.folders += 1;
        fs::create_dir(&folder)?;
        Ok(folder)
    }

    fn leave_out(&mut self, link: Link, pattern: Option<Pattern>, reason: String, failed: bool) {
        if failed {
            eprintln!("{link}: {reason}");
        }
        self.report.left_out.push(LeftOut {
            link,
            pattern,
            reason,
            failed,
        });
    }

    async fn measure(&mut self, case: Case, progress: &mut Progress) {
        let open = self.lanes.iter().filter(|lane| !lane.failed);
        let (links, others): (Vec<Link>, Vec<Link>) = open
            .map(|lane| lane.link)
            .partition(|link| link.why_left_out(case.pattern).is_none());
        for link in others {
            let why = link.why_left_out(case.pattern).unwrap_or_default();
            self.leave_out(link, Some(case.pattern), why.to_owned(), false);
        }
        progress.clear();
        let links = self.open(case, links).await;
        let turns = links.iter().map(|&link| (link, Turns::new(case.pattern)));
        self.case = Some((case, turns.collect()));
        let mut crowds = self.crowds(&case, &links).await;
        let rounds = self.options.rounds(case.pattern);
        for round in 1..=rounds {
            for &link in &links {
                progress.turn(format_args!("{case}: {link}, round {round} of {rounds}"));
                if let Err(error) = self.turn(case, link, &mut crowds).await {
                    progress.clear();
                    self.fail(link, case, &error.to_string());
                }
            }
        }
        for (link, crowd) in crowds {
            for worker in crowd {
                self.close(link, worker).await;
            }
        }
    }

    /// Starts the processes of a case, and returns the links that have them.
    async fn open(&mut self, case: Case, links: Vec<Link>) -> Vec<Link> {
        if case.pattern == Pattern::Idle {
            // Each turn has processes of its own.
            return links;
        }
        let mut opened = Vec::new();
        for link in links {
            let worker = match self.new_folder() {
                Ok(folder) => Worker::open(link, &folder, &self.options.runtime).await,
                Err(error) => Err(error),
            };
            match worker {
                Ok(worker) => {
                    if let Some(lane) = self.lane(link) {
                        lane.worker = Some(worker);
                    }
                    opened.push(link);
                }
                Err(error) => self.fail(link, case, &error.to_string()),
            }
        }
        opened
    }

    /// Ends all processes that there are.
    async fn close_all(&mut self) {
        let workers = self.lanes.iter_mut();
        let workers: Vec<_> = workers
            .filter_map(|lane| Some((lane.link, lane.worker.take()?)))
            .collect();
        for (link, worker) in workers {
            self.close(link, worker).await;
        }
    }

    /// What was measured is shown even if the processes do not end as they should.
    async fn close(&mut self, link: Link, worker: Worker) {
        if let Err(error) = worker.close().await {
            self.leave_out(link, None, error.to_string(), true);
        }
    }

    /// The client processes of a case with several, for each link; they are all clients of the link's server.
    async fn crowds(&mut self, case: &Case, links: &[Link]) -> Vec<(Link, Vec<Worker>)> {
        let mut crowds = Vec::new();
        if case.pattern != Pattern::FanIn {
            return crowds;
        }
        for &link in links {
            let mut crowd = Vec::new();
            for _ in 0..case.clients {
                let Some(server) = self.worker(link).map(|worker| worker.server.clone()) else {
                    break;
                };
                match Worker::join(link, &server, &self.options.runtime).await {
                    Ok(worker) => crowd.push(worker),
                    Err(error) => {
                        self.fail(link, *case, &error.to_string());
                        break;
                    }
                }
            }
            crowds.push((link, crowd));
        }
        crowds
    }

    fn lane(&mut self, link: Link) -> Option<&mut Lane> {
        self.lanes.iter_mut().find(|lane| lane.link == link)
    }

    fn worker(&mut self, link: Link) -> Option<&mut Worker> {
        self.lane(link)?.worker.as_mut()
    }

    /// A link that failed once is not measured any more, and what was measured of it in this case is not shown: it had
    /// not all of its turns beside those of the others.
    fn fail(&mut self, link: Link, case: Case, why: &str) {
        if let Some(lane) = self.lane(link) {
            lane.worker = None;
            lane.failed = true;
        }
        if let Some((_, turns)) = &mut self.case {
            turns.retain(|(measured, _)| *measured != link);
        }
        self.leave_out(link, None, format!("{case}: {why}"), true);
    }

    async fn turn(
        &mut self,
        case: Case,
        link: Link,
        crowds: &mut [(Link, Vec<Worker>)],
    ) -> Result<()> {
        let time = self.options.turn(case.pattern);
        if self.lane(link).is_none_or(|lane| lane.failed) {
            return Ok(());
        }
        let core_distance = self.cores.distance_ns().await;
        if case.pattern == Pattern::Idle {
            // Processes of its own: their memory has not been grown by other work.
            let folder = self.new_folder()?;
            let mut worker = Worker::open(link, &folder, &self.options.runtime).await?;
            let sample = idle::idle(&mut worker, &case, time).await?;
            worker.close().await?;
            if let Some(turns) = self.turns(link)
                && let Samples::Idle(samples) = &mut turns.samples
            {
                samples.push(sample);
                turns.core_distances.extend(core_distance);
            }
            return Ok(());
        }
        let callers: &mut [Worker] = match crowds.iter_mut().find(|(of, _)| *of == link) {
            Some((_, crowd)) => crowd,
            None => match self.worker(link) {
                Some(worker) => std::slice::from_mut(worker),
                None => return Ok(()),
            },
        };
        for caller in callers.iter_mut() {
            caller.measure(case, time / WARM_UP, time).await?;
        }
        let mut samples = Vec::new();
        for caller in callers {
            samples.push(caller.measured(time).await?);
        }
        let figures = CallFigures::of(&samples)?;
        if let Some(turns) = self.turns(link)
            && let Samples::Calls(samples) = &mut turns.samples
        {
            samples.push(figures);
            turns.core_distances.extend(core_distance);
        }
        Ok(())
    }

    fn turns(&mut self, link: Link) -> Option<&mut Turns> {
        let (_, turns) = self.case.as_mut()?;
        let (_, turns) = turns.iter_mut().find(|(measured, _)| *measured == link)?;
        Some(turns)
    }

    /// Shows the case that was measured last, as far as it has come.
    fn end_case(&mut self) {
        let Some((case, turns)) = self.case.take() else {
            return;
        };
        let rows: Vec<Row> = turns
            .iter()
            .filter_map(|(link, turns)| Row::of(&case, *link, turns))
            .collect();
        if !rows.is_empty() {
            println!("{}", table::render(&rows));
        }
        self.report.rows.extend(rows);
    }

    /// Ends all processes and gives what was measured.
    pub(super) async fn finish(mut self) -> Report {
        self.end_case();
        self.close_all().await;
        let path = self.folder.path().to_owned();
        if let Err(error) = self.folder.close() {
            eprintln!("{} is left behind: {error}", path.display());
        }
        self.report
    }
}
