"""The schema: what the migrations make is what the models say, they go back to nothing, and up again."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import product

import orjson
import psycopg
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from psycopg.types.json import Jsonb

from app.catalogue.models import Listing
from app.catalogue.rendering import document_of
from app.catalogue.values import Category, ListingStatus
from app.core.quantity import Unit
from app.core.schema_version import alembic_config, head_revision

LEFT = """
    SELECT kind || ' ' || name FROM (
        SELECT 'table' AS kind, schemaname || '.' || tablename AS name FROM pg_tables
        WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
        UNION ALL SELECT 'function', n.nspname || '.' || proname FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
        WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
        UNION ALL SELECT 'schema', nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
        UNION ALL SELECT 'type', n.nspname || '.' || typname FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace
        WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND typtype IN ('e', 'd')
    ) AS found ORDER BY 1
"""
SHAPE = """
    SELECT table_schema, table_name, column_name, data_type, is_nullable, column_default
    FROM information_schema.columns WHERE table_schema IN ('public', 'jobs') ORDER BY 1, 2, 3
"""
CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace IN ('public'::regnamespace, 'jobs'::regnamespace) ORDER BY 1, 2
"""
TRIGGERS = "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2"

ADDED = {"unit_prices", "tiers", "net_weight_g", "weighed", "price_per", "cooperative", "capacity_per_week"}


def seen(url, *queries):
    with psycopg.connect(url) as connection:
        return [connection.execute(query).fetchall() for query in queries]


def test_models_ask_for_nothing_that_the_migrations_do_not_make(database_url):
    command.check(alembic_config(database_url))


def test_back_to_nothing_and_up_again_makes_the_same_schema(database_url):
    config = alembic_config(database_url)
    before = seen(database_url, SHAPE, CONSTRAINTS, TRIGGERS)
    command.downgrade(config, "base")
    assert seen(database_url, LEFT) == [[("schema public",), ("table public.alembic_version",)]]
    command.upgrade(config, "head")
    assert seen(database_url, SHAPE, CONSTRAINTS, TRIGGERS) == before
    command.check(config)


def test_every_step_goes_back_and_forth(database_url):
    config = alembic_config(database_url)
    steps = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    for revision in steps[1:]:
        command.downgrade(config, revision)
        command.upgrade(config, "head")
    command.check(config)


def test_lifted_disruptions_and_freight_of_new_ways_do_not_stand_in_the_way_back(database_url):
    """What the former code could not read goes; the ledger that is left still balances, and still guards itself."""
    config = alembic_config(database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            'INSERT INTO hub SELECT * FROM jsonb_populate_record(NULL::hub, \'{"code": "H", "name": {}, "kind": "city", '
            '"lat": 1, "lon": 1, "dwell_s": 0, "handling_minor": 0, "handling_milliminor_per_kg": 0, "source": "s", '
            '"opening": [], "can_rest": false, "is_cooled": false}\')'
        )
        connection.execute(
            "INSERT INTO disruption (id, kind, hub, from_at, until_at, reason, made_by, created_from, created_at, lifted_at) "
            "SELECT 'dis_' || n, 'close', 'H', now(), now() + n * interval '1 day', '{}', 'p', 'f', now(), now() FROM generate_series(0, 1) n"
        )
        for kind, account in (("sale", "subsidy"), ("reroute", "rerouting")):
            connection.execute("INSERT INTO transfer VALUES (%s, %s, 'ord_1', 'pending', now())", (kind, kind))
            for seq, owner, amount in ((0, account, -5), (1, "carrier_freight", 5)):
                made = (f"{owner}:x:CNY", owner)
                connection.execute("INSERT INTO account VALUES (%s, %s, 'x', 'CNY') ON CONFLICT DO NOTHING", made)
                connection.execute("INSERT INTO entry VALUES (%s, %s, %s, %s, 'CNY')", (kind, seq, made[0], amount))
    command.downgrade(config, "0010-1")
    left = seen(
        database_url, "SELECT id FROM disruption", "SELECT id FROM transfer", "SELECT sum(amount_minor) FROM entry"
    )
    assert left == [[("dis_1",)], [("sale",)], [(0,)]]
    with psycopg.connect(database_url) as connection, pytest.raises(psycopg.IntegrityError):
        connection.execute("DELETE FROM entry")
    command.upgrade(config, "head")
    command.check(config)


def test_payouts_do_not_stand_in_the_way_back(database_url):
    """Transfers that the former code has no words for go whole; the ledger that is left balances, and the next night sums anew."""
    config = alembic_config(database_url)
    moved = {
        "sale": ("buyer:p:CNY", "producer_available:x:CNY"),
        "payout": ("producer_available:x:CNY", "bank:platform:CNY"),
        "collection": ("bank:platform:CNY", "buyer:p:CNY"),
    }
    with psycopg.connect(database_url) as connection:
        for kind, (pays, to) in moved.items():
            connection.execute("INSERT INTO transfer VALUES (%s, %s, 'ord_1', 'posted', now(), now())", (kind, kind))
            for seq, (account, amount) in enumerate(((pays, -5), (to, 5))):
                word, owner, _ = account.split(":")
                opened = "INSERT INTO account VALUES (%s, %s, %s, 'CNY') ON CONFLICT DO NOTHING"
                connection.execute(opened, (account, word, owner))
                connection.execute("INSERT INTO entry VALUES (%s, %s, %s, %s, 'CNY')", (kind, seq, account, amount))
        connection.execute("INSERT INTO ledger_close VALUES ('2999-01-01', now(), now())")
        connection.execute("INSERT INTO closing VALUES ('bank:platform:CNY', '2999-01-01', 0, 0)")
        connection.execute(
            "INSERT INTO payment SELECT * FROM jsonb_populate_record(NULL::payment, %s)",
            (
                Jsonb(
                    {
                        "id": "pay_1",
                        "order_id": "ord_1",
                        "method": "bank_transfer",
                        "status": "awaiting_customer",
                        "amount_minor": 5,
                        "refunded_minor": 0,
                        "currency": "CNY",
                        "hold": False,
                        "created_at": "2026-03-01T00:00:00Z",
                        "updated_at": "2026-03-01T00:00:00Z",
                    }
                ),
            ),
        )
    command.downgrade(config, "0019-1")
    left = seen(
        database_url,
        "SELECT id FROM transfer ORDER BY id",
        "SELECT sum(amount_minor) FROM entry",
        "SELECT count(*) FROM closing",
        "SELECT count(*) FROM account WHERE kind = 'bank'",
        "SELECT method, status FROM payment",
    )
    assert left == [[("collection",), ("sale",)], [(0,)], [(0,)], [(1,)], [("bank_transfer", "awaiting_customer")]]
    command.upgrade(config, "head")
    command.check(config)


def test_documents_of_former_listings_say_what_the_code_would_say_of_their_prices(database_url):
    config, said = alembic_config(database_url), {}
    command.downgrade(config, "0015-1")
    goods = [*product(("cotton", "produce", "handicraft"), ("kg", "jin", "tonne", "box"), (1, 333, 10**12, None))]
    with psycopg.connect(database_url) as connection:
        for i, (category, unit, price) in enumerate([*goods, ("livestock", "head", 150_000)]):
            row = a_row(f"lst_{i}", category=Category(category), unit=Unit(unit), price_minor=price)
            said[row.id] = orjson.loads(document_of(row))
            former = {k: v for k, v in said[row.id].items() if k not in ADDED}
            columns = row.model_dump(mode="json") | {"document": orjson.dumps(former).decode()}
            connection.execute(
                "INSERT INTO listing SELECT * FROM jsonb_populate_record(NULL::listing, %s)", (Jsonb(columns),)
            )
    command.upgrade(config, "head")
    (rows,) = seen(database_url, "SELECT id, document FROM listing")
    assert {key: orjson.loads(document) for key, document in rows} == said
    command.downgrade(config, "0015-1")
    (rows,) = seen(database_url, "SELECT document FROM listing WHERE document LIKE '%unit_prices%'")
    assert not rows
    command.upgrade(config, "head")


def test_shares_of_cooperatives_go_back_to_what_the_former_code_knows_and_their_goods_stand_under_their_roof(
    database_url,
):
    """Entries, closings and balances of the two accounts of one owner become one; whoever may less may nothing more."""
    config = alembic_config(database_url)
    with psycopg.connect(database_url) as connection:
        add_shares(connection)
    command.downgrade(config, "0018-1")
    left = seen(
        database_url,
        "SELECT id FROM account ORDER BY 1",
        "SELECT account_id, sum(amount_minor)::int FROM entry GROUP BY 1 ORDER BY 1",
        "SELECT account_id, until_at::date::text, posted_minor, pending_minor FROM closing ORDER BY 1, 2",
        "SELECT person_id FROM membership ORDER BY 1",
        "SELECT document FROM listing",
    )
    assert left == [
        [("producer_pending:prd_1:CNY",), ("subsidy:platform:CNY",)],
        [("producer_pending:prd_1:CNY", 12), ("subsidy:platform:CNY", -12)],
        [("producer_pending:prd_1:CNY", f"2026-03-0{day}", amount, 0) for day, amount in ((1, 5), (2, 12), (3, 14))],
        [("per_all",), ("per_owner",)],
        [('{"id": "lst_1"}',)],
    ]
    with psycopg.connect(database_url) as connection, pytest.raises(psycopg.IntegrityError):
        connection.execute("DELETE FROM entry")
    command.upgrade(config, "head")
    grants, listings = seen(
        database_url,
        "SELECT DISTINCT grants FROM membership",
        "SELECT cooperative_id, document::jsonb -> 'cooperative' FROM listing",
    )
    assert grants == [(["list", "price", "see", "ship"],)]
    assert listings == [("prd_1", {"id": "prd_1", "name": {"en": "Loom"}})]


def add_shares(connection):
    """A co-operative that sells for itself and has shares; three of its people; a listing; and what stood at three midnights."""
    row = a_row("lst_1", category=Category.PRODUCE, unit=Unit.KG).model_dump(mode="json") | {
        "document": '{"id": "lst_1", "cooperative": null}'
    }
    connection.execute("INSERT INTO listing SELECT * FROM jsonb_populate_record(NULL::listing, %s)", (Jsonb(row),))
    connection.execute(
        "INSERT INTO producer (id, name, kind, county, hub, created_from, created_at) "
        "VALUES ('prd_1', '{\"en\": \"Loom\"}', 'cooperative', '653101', 'H', 'f', now())"
    )
    for number, (person, role, grants) in enumerate(
        (
            ("owner", "owner", ["list", "price", "see", "ship"]),
            ("all", "member", ["list", "price", "see", "ship"]),
            ("few", "member", ["see"]),
        )
    ):
        connection.execute(
            "INSERT INTO person VALUES (%s, %s, 'en', now())", (f"per_{person}", f"+86100000000{number}")
        )
        connection.execute(
            "INSERT INTO membership VALUES ('prd_1', %s, %s, %s)", (f"per_{person}", role, Jsonb(grants))
        )
    accounts = {"subsidy": "platform", "producer_pending": "prd_1", "cooperative_pending": "prd_1"}
    connection.execute("INSERT INTO transfer VALUES ('trf_1', 'sale', 'ord_1', 'pending', now())")
    for seq, (kind, owner, amount) in enumerate(zip(accounts, accounts.values(), (-12, 5, 7), strict=True)):
        connection.execute("INSERT INTO account VALUES (%s, %s, %s, 'CNY')", (f"{kind}:{owner}:CNY", kind, owner))
        connection.execute(
            "INSERT INTO entry VALUES ('trf_1', %s, %s, %s, 'CNY')", (seq, f"{kind}:{owner}:CNY", amount)
        )
    for day in (1, 2, 3):
        connection.execute("INSERT INTO ledger_close VALUES (%s, now(), now())", (f"2026-03-0{day}Z",))
    for kind, day, amount in (("producer", 1, 5), ("cooperative", 2, 7), ("cooperative", 3, 9)):
        connection.execute(
            "INSERT INTO closing VALUES (%s, %s, %s, 0)", (f"{kind}_pending:prd_1:CNY", f"2026-03-0{day}Z", amount)
        )


def a_row(listing_id, **facts):
    """A draft as it is kept."""
    at = datetime(2026, 3, 1, tzinfo=UTC)
    return Listing(
        id=listing_id,
        producer_id="prd_1",
        status=ListingStatus.DRAFT,
        title={},
        description={},
        attributes={},
        producer_name={},
        currency="CNY",
        **dict.fromkeys(("min_quantity", "step"), Decimal(1)),
        lead_time_h=0,
        photos=[],
        hub="H",
        province="65",
        prefecture="6532",
        county="653221",
        version=1,
        created_from="f",
        created_at=at,
        updated_at=at,
        listed_at=at,
        document="",
        search="",
        **facts,
    )


def animals_and_dates():
    """Rows by table, as the former code and this one know them: three orders of sheep, one of them cancelled, and a forecast."""
    rows = {
        "listing": [{"id": "lst"}],
        "order": [{"id": f"ord_{n}", "number": str(n), "quote_id": str(n)} for n in range(3)],
        "lot": [
            {"id": "sheep", "quantity": 4, "reserved": 3, "consumed": 0},
            {"id": "dates", "quantity": 100, "reserved": 5, "consumed": 0, "presold_max": 70, "presale_policy": "1"},
        ],
        "ear_tag": [{"tag": f"36532210000000{n}", "lot_id": "sheep"} for n in range(4)],
        "reservation": [
            {"order_id": f"ord_{n}", "line_id": "lin", "lot_id": "sheep", "quantity": q, "state": s}
            for n, (q, s) in enumerate(((1, "held"), (1, "released"), (2, "held")))
        ],
        "order_line": [{"order_id": f"ord_{n}", "id": "lin", "quantity": 1} for n in range(3)],
    }
    told = {
        "listing_id": "lst",
        "ear_tags": [],
        "certificates": [],
        "tiers": [],
        "weighed": False,
        "created_from": "",
        "created_at": "2026-03-02T00:00Z",
    }
    told |= {
        "available_from": "2026-03-09T00:00Z",
        "producer_id": "p",
        "consignment_id": "c",
        "title": {},
        "unit": "head",
    }
    told |= {
        "price_minor": 1,
        "total_minor": 1,
        "category": "livestock",
        "status": "draft",
        "description": {},
        "attributes": {},
    }
    told |= {
        "currency": "CNY",
        "min_quantity": 1,
        "step": 1,
        "lead_time_h": 0,
        "photos": [],
        "producer_name": {},
        "hub": "H",
    }
    told |= {"province": "65", "prefecture": "6532", "county": "653221", "version": 1, "document": "{}", "search": ""}
    moments = ("updated_at", "listed_at", "promised_from", "promised_by")
    told |= dict.fromkeys(moments, told["created_at"]) | {
        "buyer_id": "b",
        "option_id": "o",
        "co2e": {},
        "deliver_to": {},
    }
    told |= {
        "terms": {},
        "goods_minor": 1,
        "carriage_minor": 0,
        "packaging_minor": 0,
        "subsidy_minor": 0,
        "duties_minor": 0,
    }
    return told, rows


def test_animals_that_were_reserved_before_have_their_buyer_and_forecasts_go_back_to_stock(database_url):
    """The step names animals for what is reserved already; taking it back leaves counters that the former code can hold."""
    config = alembic_config(database_url)
    told, rows = animals_and_dates()
    with psycopg.connect(database_url) as connection:
        for table, every in rows.items():
            for row in every:
                state = {"status": "placed"} if table == "order" else {}
                connection.execute(
                    f'INSERT INTO "{table}" SELECT * FROM jsonb_populate_record(NULL::"{table}", %s)',
                    [psycopg.types.json.Jsonb(told | state | row)],
                )
    command.downgrade(config, "0010")
    assert seen(database_url, "SELECT id, quantity::int, reserved::int FROM lot ORDER BY id") == [
        [("dates", 70, 5), ("sheep", 4, 3)]
    ]
    command.upgrade(config, "head")
    named, lines = seen(
        database_url,
        "SELECT right(tag, 1), order_id FROM ear_tag ORDER BY 1",
        "SELECT order_id, jsonb_array_length(ear_tags) FROM order_line ORDER BY 1",
    )
    assert named == [("0", "ord_0"), ("1", "ord_2"), ("2", "ord_2"), ("3", None)]
    assert lines == [("ord_0", 1), ("ord_1", 0), ("ord_2", 2)]


def test_cut_of_cold_alone_goes_on_the_way_back_and_leaves_the_runs_as_wide_as_their_services(database_url):
    config = alembic_config(database_url)
    with psycopg.connect(database_url) as connection:
        service = {
            "id": "S",
            "carrier": "X",
            "name": {},
            "mode": "road",
            "status": "active",
            "on_demand": True,
            "capacity_weight_g": 9,
            "capacity_volume_mm3": 9,
            "live_places": 0,
            "chilled_slots": 8,
        }
        needed = connection.execute(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'service' "
            "AND is_nullable = 'NO' AND column_default IS NULL"
        ).fetchall()
        blank = {"jsonb": [], "boolean": False, "timestamp with time zone": "2026-03-02T00:00:00Z", "ARRAY": []}
        blank |= {"integer": 1, "bigint": 1, "character varying": "x"}
        whole = {name: blank[kind] for name, kind in needed} | service
        columns = ", ".join(whole)
        connection.execute(
            f"INSERT INTO service ({columns}) SELECT {columns} FROM jsonb_populate_record(NULL::service, %s)",
            [psycopg.types.json.Jsonb(whole)],
        )
        connection.execute("INSERT INTO departure_load VALUES ('S', '2026-03-03Z', 0, 5, 5, 0, 9, 9, 0, 2, 3)")
        connection.execute(
            "INSERT INTO disruption (id, kind, service_id, from_at, until_at, capacity_chilled_slots, capacity_weight_g, "
            "reason, made_by, created_from, created_at) SELECT 'dis_' || n, 'capacity', 'S', '2026-03-03Z', '2026-03-04Z', 3, "
            "nullif(n, 0), '{}', 'p', 'f', now() FROM generate_series(0, 1) n"
        )
    command.downgrade(config, "0014-1")
    left = seen(database_url, "SELECT id FROM disruption", "SELECT capacity_chilled_slots FROM departure_load")
    assert left == [[("dis_1",)], [(8,)]]
    command.upgrade(config, "head")
    assert seen(database_url, "SELECT DISTINCT capacity_chilled_slots FROM disruption") == [[(None,)]]


def test_there_is_one_newest_migration_and_it_is_the_one_that_the_code_asks_for(database_url):
    assert ScriptDirectory.from_config(alembic_config(database_url)).get_heads() == [head_revision()]
    assert seen(database_url, "SELECT version_num FROM alembic_version") == [[(head_revision(),)]]


@pytest.mark.parametrize("table", ["order", "lot", "entry", "departure_load", "tracking_event"])
def test_hot_tables_have_the_key_by_which_they_would_be_spread_first(database_url, table):
    key = (
        "SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] "
        f"WHERE i.indisprimary AND i.indrelid = '\"{table}\"'::regclass"
    )
    first = {"order": "id", "lot": "listing_id", "entry": "transfer_id", "departure_load": "service_id"}
    assert seen(database_url, key) == [[(first.get(table, "consignment_id"),)]]


def test_holds_and_disputes_do_not_stand_in_the_way_back(database_url):
    """What is held waits for the provider's word as before, and what the former code has no words for goes whole."""
    config = alembic_config(database_url)
    moved = {
        "sale": ("buyer:p:CNY", "producer_available:x:CNY"),
        "dispute": ("disputed:platform:CNY", "gateway:stripe:CNY"),
        "gateway_fee": ("gateway_fee:platform:CNY", "gateway:stripe:CNY"),
    }
    held = {
        "id": "pay_1", "order_id": "ord_1", "method": "stripe", "status": "authorised", "amount_minor": 5, "refunded_minor": 0,
        "currency": "CNY", "hold": True, "held_until": "2026-03-08T00:00:00Z", "created_at": "2026-03-01T00:00:00Z",
        "updated_at": "2026-03-01T00:00:00Z",
    }  # fmt: skip
    with psycopg.connect(database_url) as connection:
        for kind, (pays, to) in moved.items():
            connection.execute("INSERT INTO transfer VALUES (%s, %s, 'ord_1', 'posted', now(), now())", (kind, kind))
            for seq, (account, amount) in enumerate(((pays, -5), (to, 5))):
                word, owner, _ = account.split(":")
                opened = "INSERT INTO account VALUES (%s, %s, %s, 'CNY') ON CONFLICT DO NOTHING"
                connection.execute(opened, (account, word, owner))
                connection.execute("INSERT INTO entry VALUES (%s, %s, %s, %s, 'CNY')", (kind, seq, account, amount))
        connection.execute("INSERT INTO payment SELECT * FROM jsonb_populate_record(NULL::payment, %s)", (Jsonb(held),))
    command.downgrade(config, "0020-1")
    left = seen(
        database_url,
        "SELECT id FROM transfer",
        "SELECT sum(amount_minor) FROM entry",
        "SELECT count(*) FROM account WHERE kind IN ('disputed', 'gateway_fee')",
        "SELECT status FROM payment",
    )
    assert left == [[("sale",)], [(0,)], [(0,)], [("awaiting_customer",)]]
    command.upgrade(config, "head")
    command.check(config)
