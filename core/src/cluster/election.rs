//! How a replica takes over from a failed master (cluster.c 7.0.15): it waits so that the freshest asks first, asks all
//! masters for their vote under a new epoch, and with the votes of a majority takes its master's slots at that epoch.
//!
//! Safety rests on the voters: one vote an epoch, made durable before it is sent.

use super::bus::{Body, Header, kind, mflag};
use super::gossip::Audience;
use super::node::{Name, NodeIdx};
use super::slots::{SLOTS, bitmap_has};
use super::{
    Action, CantFailover, Cluster, Cx, TODO_FSYNC_CONFIG, TODO_HANDLE_FAILOVER, TODO_SAVE_CONFIG,
    TODO_UPDATE_STATE,
};
use crate::event::Event;
use crate::host::LogLevel;
use crate::planted::Bug;

/// The wait before votes are asked for, so that FAIL reaches all voters, in milliseconds.
const DELAY_FIXED_MS: i64 = 500;
/// What is added to it at random, so that replicas of one rank do not ask at once.
const DELAY_RANDOM_MS: u64 = 500;
/// What is added for each sibling with a greater offset.
const DELAY_RANK_MS: i64 = 1_000;
/// The least time in which votes are waited for.
const AUTH_TIMEOUT_MIN_MS: i64 = 2_000;
/// An unchanged reason for not taking over is logged again after that many seconds.
const CANT_FAILOVER_RELOG_S: i64 = 300;
/// How long beyond the node timeout a master must be down before such a reason is logged.
const CANT_FAILOVER_QUIET_MS: i64 = 5_000;

impl Cluster {
    /// A replica asks for this node's vote (`clusterSendFailoverAuthIfNeeded`).
    pub(super) fn vote_if_needed(&mut self, cx: &mut Cx<'_>, candidate: NodeIdx, request: &Header<'_>) {
        let me = self.myself();
        if me.is_slave() || me.slots.is_empty() {
            return;
        }
        let name = self.nodes[candidate].name;
        let master = match self.may_vote(cx, candidate, request) {
            Ok(master) => master,
            Err(why) => {
                cx.log(LogLevel::Warning, format_args!("Failover auth denied to {name}: {why}"));
                return;
            }
        };
        (self.last_vote_epoch, self.last_vote_for) = (self.current_epoch, Some(name));
        self.nodes[master].voted_time_ms = cx.now_ms();
        self.todo |= TODO_SAVE_CONFIG | TODO_FSYNC_CONFIG;
        self.send_to(cx, candidate, kind::AUTH_ACK, 0, Body::Bare);
        cx.log(
            LogLevel::Warning,
            format_args!("Failover auth granted to {name} for epoch {}", self.current_epoch),
        );
        cx.event(Event::Voted { epoch: self.current_epoch, candidate: name.to_string() });
    }

    /// The candidate's master, if the candidate may have the vote, or why not.
    fn may_vote(&self, cx: &Cx<'_>, candidate: NodeIdx, request: &Header<'_>) -> Result<NodeIdx, String> {
        let node = &self.nodes[candidate];
        if request.current_epoch < self.current_epoch {
            return Err(format!("reqEpoch ({}) < curEpoch({})", request.current_epoch, self.current_epoch));
        }
        if self.last_vote_epoch == self.current_epoch && !cx.config.planted.is(Bug::VotesTwice) {
            return Err(format!("already voted for epoch {}", self.current_epoch));
        }
        if node.is_master() {
            return Err("it is a master node".to_string());
        }
        let master = node.slaveof.ok_or("I don't know its master")?;
        if !self.nodes[master].failed() && !request.has_mflag(mflag::FORCEACK) {
            return Err("its master is up".to_string());
        }
        // Not needed for safety, but it leaves one candidate the time to win and to say so.
        let pause_ms = cx.config.node_timeout_ms.saturating_mul(2);
        let since_ms = cx.now_ms() - self.nodes[master].voted_time_ms;
        if since_ms < pause_ms {
            return Err(format!("can't vote about this master before {} milliseconds", pause_ms - since_ms));
        }
        for slot in (0..SLOTS as u16).filter(|&slot| bitmap_has(request.slots, slot)) {
            let Some(owner) = self.slots.owner(slot).filter(|_| !self.slot_unclaimed(slot)) else { continue };
            let epoch = self.nodes[owner].config_epoch;
            if epoch > request.config_epoch {
                return Err(format!("slot {slot} epoch ({epoch}) > reqEpoch ({})", request.config_epoch));
            }
        }
        Ok(master)
    }

    /// How many siblings that may take over have a greater offset (`clusterGetSlaveRank`).
    fn rank(&self, cx: &Cx<'_>) -> u32 {
        let Some(master) = self.myself().slaveof else { return 0 };
        let fresher = self.nodes[master].slaves.iter().filter(|&&sibling| {
            let node = &self.nodes[sibling];
            sibling != self.myself
                && !node.has(super::node::flag::NOFAILOVER)
                && node.repl_offset > cx.facts.slave_offset
        });
        fresher.count() as u32
    }

    /// Logs why this replica does not take over: when the reason changes, seldom while it stays, and not at all while the
    /// master has been down for a short time only (`clusterLogCantFailover`).
    fn cant_failover(&mut self, cx: &mut Cx<'_>, reason: CantFailover) {
        let now_s = cx.now.wall_s();
        if reason == self.election.cant && now_s - self.election.cant_logged_s < CANT_FAILOVER_RELOG_S {
            return;
        }
        self.election.cant = reason;
        let quiet_ms = cx.config.node_timeout_ms.saturating_add(CANT_FAILOVER_QUIET_MS);
        let master = self.myself().slaveof.map(|master| &self.nodes[master]);
        if master.is_some_and(|m| m.failed() && cx.now_ms() - m.fail_time_ms < quiet_ms) {
            return;
        }
        let why = match reason {
            CantFailover::DataAge => {
                "Disconnected from master for longer than allowed. Please check the \
                 'cluster-replica-validity-factor' configuration option."
            }
            CantFailover::WaitingDelay => "Waiting the delay before I can start a new failover.",
            CantFailover::Expired => "Failover attempt expired.",
            CantFailover::WaitingVotes => "Waiting for votes, but majority still not reached.",
            CantFailover::None => "Unknown reason code.",
        };
        self.election.cant_logged_s = now_s;
        cx.log(LogLevel::Warning, format_args!("Currently unable to failover: {why}"));
    }

    /// Takes the next step of a takeover, if there is reason for one (`clusterHandleSlaveFailover`).
    pub(super) fn handle_slave_failover(&mut self, cx: &mut Cx<'_>) {
        self.todo &= !TODO_HANDLE_FAILOVER;
        let now_ms = cx.now_ms();
        let timeout_ms = cx.config.node_timeout_ms;
        let manual = self.manual.end_ms != 0 && self.manual.can_start;
        let auth_age_ms = now_ms - self.election.auth_time_ms;
        let auth_timeout_ms = timeout_ms.saturating_mul(2).max(AUTH_TIMEOUT_MIN_MS);
        let auth_retry_ms = auth_timeout_ms.saturating_mul(2);

        let reason = self.myself().slaveof.filter(|&master| {
            let master = &self.nodes[master];
            self.is_replica()
                && (manual || (master.failed() && !cx.config.replica_no_failover))
                && !master.slots.is_empty()
        });
        if reason.is_none() {
            self.election.cant = CantFailover::None;
            return;
        }
        if !manual && self.data_too_old(cx) {
            self.cant_failover(cx, CantFailover::DataAge);
            return;
        }

        if auth_age_ms > auth_retry_ms {
            self.schedule_election(cx);
            return;
        }
        if !self.election.sent && self.manual.end_ms == 0 {
            // Siblings have told their offsets since.
            let rank = self.rank(cx);
            if rank > self.election.rank {
                let added_ms = i64::from(rank - self.election.rank) * DELAY_RANK_MS;
                self.election.auth_time_ms += added_ms;
                self.election.rank = rank;
                cx.log(
                    LogLevel::Warning,
                    format_args!("Replica rank updated to #{rank}, added {added_ms} milliseconds of delay."),
                );
            }
        }
        if now_ms < self.election.auth_time_ms {
            self.cant_failover(cx, CantFailover::WaitingDelay);
        } else if auth_age_ms > auth_timeout_ms {
            self.cant_failover(cx, CantFailover::Expired);
        } else if !self.election.sent {
            self.ask_for_votes(cx);
        } else if self.election.votes >= self.quorum() || cx.config.planted.is(Bug::TakesOverUnelected) {
            cx.log(LogLevel::Warning, format_args!("Failover election won: I'm the new master."));
            let epoch = self.election.epoch;
            if let Some(master) = self.myself().slaveof.filter(|_| cx.config.planted.is(Bug::InheritsEpoch)) {
                self.set_my_config_epoch(cx, self.nodes[master].config_epoch);
            } else if self.myself().config_epoch < epoch && !cx.config.planted.is(Bug::NoEpochBump) {
                self.set_my_config_epoch(cx, epoch);
                cx.log(
                    LogLevel::Warning,
                    format_args!("configEpoch set to {epoch} after successful failover"),
                );
            }
            self.replace_master(cx);
        } else {
            self.cant_failover(cx, CantFailover::WaitingVotes);
        }
    }

    fn data_too_old(&self, cx: &Cx<'_>) -> bool {
        let factor = cx.config.replica_validity_factor;
        let timeout_ms = cx.config.node_timeout_ms;
        let facts = cx.facts;
        let since_s =
            if facts.master_link_up { facts.master_last_interaction_s } else { facts.repl_down_since_s };
        let mut age_ms = cx.now.wall_s().saturating_sub(since_s).saturating_mul(1000);
        // The master had to be silent for that long to be found failing at all.
        if age_ms > timeout_ms {
            age_ms -= timeout_ms;
        }
        let allowed_ms = cx
            .config
            .repl_ping_replica_period_s
            .saturating_mul(1000)
            .saturating_add(timeout_ms.saturating_mul(factor));
        factor != 0 && age_ms > allowed_ms
    }

    fn schedule_election(&mut self, cx: &mut Cx<'_>) {
        let now_ms = cx.now_ms();
        let rank = self.rank(cx);
        let delay_ms =
            DELAY_FIXED_MS + cx.rng.below(DELAY_RANDOM_MS) as i64 + i64::from(rank) * DELAY_RANK_MS;
        let election = &mut self.election;
        election.votes = 0;
        election.voters.clear();
        election.sent = false;
        election.rank = rank;
        election.auth_time_ms = now_ms + delay_ms;
        if self.manual.end_ms != 0 {
            election.auth_time_ms = now_ms;
            election.rank = 0;
            self.todo |= TODO_HANDLE_FAILOVER;
        }
        cx.log(
            LogLevel::Warning,
            format_args!(
                "Start of election delayed for {} milliseconds (rank #{}, offset {}).",
                self.election.auth_time_ms - now_ms,
                self.election.rank,
                cx.facts.slave_offset
            ),
        );
        // Siblings learn our offset, and so their rank.
        self.broadcast_pong(cx, Audience::LocalSlaves);
    }

    fn ask_for_votes(&mut self, cx: &mut Cx<'_>) {
        self.set_current_epoch(cx, self.current_epoch.saturating_add(1));
        self.election.epoch = self.current_epoch;
        cx.log(
            LogLevel::Warning,
            format_args!("Starting a failover election for epoch {}.", self.current_epoch),
        );
        cx.event(Event::Candidate { epoch: self.current_epoch, rank: self.election.rank });
        // With a living master the voters need to be told that this is on purpose.
        let mflags = if self.manual.end_ms != 0 { mflag::FORCEACK } else { 0 };
        self.broadcast(cx, kind::AUTH_REQUEST, mflags, Body::Bare);
        self.election.sent = true;
        self.todo |= TODO_SAVE_CONFIG | TODO_UPDATE_STATE | TODO_FSYNC_CONFIG;
    }

    /// Takes the slots of this replica's master under the config epoch that it has got already
    /// (`clusterFailoverReplaceYourMaster`).
    pub(super) fn replace_master(&mut self, cx: &mut Cx<'_>) {
        let me = self.myself;
        let Some(old) = self.nodes[me].slaveof.filter(|_| !self.is_master()) else { return };
        self.set_node_as_master(cx, me);
        cx.actions.push(Action::UnsetMaster);
        let ranges = self.nodes[old].slots.ranges().to_vec();
        let mut count = 0;
        for slot in ranges.into_iter().flat_map(|(first, last)| first..=last) {
            self.del_slot(slot);
            self.add_slot(me, slot);
            count += 1;
        }
        cx.event(Event::Promoted { epoch: self.myself().config_epoch });
        cx.event(Event::Slots { owner: Some(self.myself().name.to_string()), count });
        self.update_state(cx);
        self.todo |= TODO_SAVE_CONFIG | TODO_FSYNC_CONFIG;
        self.broadcast_pong(cx, Audience::All);
        self.reset_manual_failover(cx);
    }

    /// Takes a new config epoch without asking anybody, unless this node has the greatest already; true if it did
    /// (`clusterBumpConfigEpochWithoutConsensus`). Two nodes may do so at once: the collision is resolved later.
    pub(super) fn bump_config_epoch(&mut self, cx: &mut Cx<'_>) -> bool {
        let greatest = self.max_epoch();
        let mine = self.myself().config_epoch;
        if mine != 0 && mine == greatest {
            return false;
        }
        self.set_current_epoch(cx, self.current_epoch.saturating_add(1));
        self.set_my_config_epoch(cx, self.current_epoch);
        self.todo |= TODO_SAVE_CONFIG | TODO_FSYNC_CONFIG;
        cx.log(LogLevel::Warning, format_args!("New configEpoch set to {}", self.current_epoch));
        true
    }

    /// The greatest epoch known (`clusterGetMaxEpoch`).
    pub(super) fn max_epoch(&self) -> u64 {
        self.nodes.iter().map(|(_, node)| node.config_epoch).max().unwrap_or(0).max(self.current_epoch)
    }

    pub(super) fn election_voters(&self) -> &[Name] {
        &self.election.voters
    }
}
