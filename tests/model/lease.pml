/*
 * How replicas refresh one token without losing one: the lease and its epoch (common/postgres/lease.cc)
 * and the write that both fence (services/broker/store/postgres_token_store.cc).
 *
 * Each atomic step is one statement of SQL or one call of the platform; between two steps anything may
 * happen: another replica's step, the end of the lease by the database's clock, a crash, a
 * re-authorisation. A replica that is stopped for a minute is one that takes no step for a while.
 *
 *   FENCED=0      the write does not look at the lease
 *   VERSIONED=0   the write does not look at the generation that it replaces
 *   CLAIM=n       only the n-th claim is checked; 0: all
 */
#ifndef FENCED
#define FENCED 1
#endif
#ifndef VERSIONED
#define VERSIONED 1
#endif
#ifndef CLAIM
#define CLAIM 0
#endif
#ifndef REPLICAS
#define REPLICAS 3
#endif
#ifndef EXPIRIES
#define EXPIRIES 2
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef GRANTS
#define GRANTS 1
#endif

#define CHECKED(n) (CLAIM == 0 || CLAIM == n)

/* broker.leases, the row of this token: expires_at in the future, in the past, or '-infinity'. */
mtype = { kLive, kOver, kEnded };
mtype lease = kEnded;
byte epoch = 0;
byte sharers = 0;          /* transactions that hold the row FOR SHARE until they commit */

/* broker.tokens, its row. */
byte generation = 0;
byte stored = 0;           /* which of the platform's tokens; they count from 1 */
bool is_locked = false;    /* FOR UPDATE */

/* The platform: each call makes another token, and the older ones die soon. */
byte issued = 0;

/* What happened, for the claims. */
byte written_epoch = 0;    /* of the newest refresh that was committed */
byte granted = 0;          /* re-authorisations that were committed */
byte grant_generation = 0;
byte running = REPLICAS;
byte crashes = 0;
bool is_orphan = false;    /* the holder of the lease is gone */

/* Looks at a claim without adding a step. */
#define CLAIM_1(c) if :: CHECKED(1) -> assert(c) :: else fi
#define CLAIM_2(c) if :: CHECKED(2) -> assert(c) :: else fi
#define CLAIM_3(c) if :: CHECKED(3) -> assert(c) :: else fi
#define CLAIM_4(c) if :: CHECKED(4) -> assert(c) :: else fi
#define CLAIM_5(c) if :: CHECKED(5) -> assert(c) :: else fi

/* A crash while nothing is held in the database but, maybe, the lease. */
#define MAY_CRASH \
  atomic { crashes < CRASHES -> crashes++; is_orphan = is_orphan || mine == epoch; goto gone }

/* TokenBroker::RefreshAlone and RefreshUnderLease. `cached` is what GetToken of this replica serves. */
active [REPLICAS] proctype Replica() {
  byte cached = 0;
  byte mine, read, fetched, grants_read;

again:
  /* While another holds the lease, its result is waited for. */
  if
  :: atomic { generation > cached && stored != 0 -> cached = generation; goto gone }
  /* LeaseTable::Acquire: INSERT … ON CONFLICT … DO UPDATE … WHERE expires_at <= clock_timestamp() */
  :: atomic { lease != kLive && sharers == 0 -> epoch++; lease = kLive; is_orphan = false; mine = epoch }
  fi;
  /* TokenStore::Load: what the holder before stored is used. */
  atomic {
    read = generation;
    grants_read = granted;
    if
    :: generation > cached && stored != 0 -> cached = generation; goto release
    :: else
    fi
  }
  do
  /* LeaseTable::Renew, any number of times while the platform is asked. */
  :: atomic {
       if
       :: mine == epoch && lease == kOver && sharers == 0 -> lease = kLive
       :: mine != epoch -> goto again
       fi
     }
  :: MAY_CRASH
  /* PlatformClient: the token is made before its answer is here. */
  :: atomic { issued++; fetched = issued }; break
  od;
  if
  :: MAY_CRASH                       /* between the platform's answer and our commit */
  :: skip
  fi;

  /* TokenStore::Save, one transaction. LeaseTable::Fence: SELECT … FOR SHARE */
#if FENCED
  atomic {
    if
    :: mine == epoch && lease != kEnded -> sharers++
    :: else -> goto again            /* ABORTED/LEASE_LOST */
    fi
  }
#endif
  /* SELECT generation … FOR UPDATE */
  atomic { !is_locked -> is_locked = true }
#if VERSIONED
  atomic {
    if
    :: generation == read
    :: else ->                       /* ABORTED/TOKEN_SUPERSEDED */
       /* Claim 1: what the holder of the lease fetched is given up for a re-authorisation alone. */
       CLAIM_1(mine != epoch || granted != grants_read);
       is_locked = false;
#if FENCED
       sharers--;
#endif
       goto again
    fi
  }
#endif
  /* COMMIT, and the locks are free. */
  atomic {
    CLAIM_2(mine == epoch);             /* Nobody else has taken the lease since. */
    CLAIM_3(mine > written_epoch);      /* One refresher an epoch, later ones after earlier ones. */
    CLAIM_4(fetched > stored);          /* No token gives way to one that was made before it. */
    CLAIM_5(granted == grants_read);    /* No re-authorisation is overwritten by a refresh begun before. */
    stored = fetched;
    generation++;
    written_epoch = mine;
    is_locked = false;
#if FENCED
    sharers--;
#endif
    cached = generation
  }
release:
  /* LeaseTable::Release: UPDATE … WHERE epoch = … AND expires_at > '-infinity' */
  atomic {
    if
    :: mine == epoch && sharers == 0 -> lease = kEnded
    :: mine != epoch
    fi
  }
gone:
  running--
}

/* The account authorises anew: AuthorizationStore::SaveExchange, under a lease of its own. */
active proctype Reauthorisation() {
  byte left = GRANTS;
  byte fresh;
  do
  :: left > 0 ->
     atomic { !is_locked -> is_locked = true; issued++; fresh = issued }
     atomic { stored = fresh; generation++; granted++; is_locked = false; left-- }
  :: left > 0 -> left--                /* or not */
  :: left == 0 -> break
  od
}

/* The database's clock. */
active proctype Time() {
  byte left = EXPIRIES;
  do
  :: atomic { left > 0 && lease == kLive -> lease = kOver; left-- }
  :: running == 0 -> break
  /* A lease whose holder is gone runs out for certain. */
  :: atomic { is_orphan && lease == kLive -> lease = kOver }
  od;
  /* Whoever did not crash ended with a token. */
  assert(stored != 0 || crashes == REPLICAS)
}
