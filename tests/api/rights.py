"""Who may do what: the table that the tests of the API go by."""

from tests.factories.town import ROLES

# The columns are ROLES: nobody, the buyer, another buyer, a member of the producer, a member of another one, the carrier
# with every scope, another carrier with every scope, a partner without the scope, an operator. What comes after `#` tells
# two lines of one operation apart. Where everybody passes, one status stands for all. Who is refused for the order of things comes
# after the one who is not: a seller whose turn it is by then may not name the same price again (422).
TABLE = """
    POST   /v1/auth/codes                            | 202
    POST   /v1/auth/tokens                           | 201
    DELETE /v1/auth/tokens                           | 401 204 204 204 204 403 403 403 204
    GET    /v1/me                                    | 401 200 200 200 200 403 403 403 200
    POST   /v1/producers                             | 401 201 201 201 201 403 403 403 201
    GET    /v1/producers                             | 200
    GET    /v1/producers/{producer_id}               | 200
    PATCH  /v1/producers/{producer_id}               | 401 404 404 200 404 403 403 403 200
    GET    /v1/producers/{producer_id}/balances      | 401 404 404 200 404 403 403 403 200
    GET    /v1/producers/{producer_id}/entries       | 401 404 404 200 404 403 403 403 200
    GET    /v1/producers/{producer_id}/members       | 200
    POST   /v1/producers/{producer_id}/members       | 401 404 404 404 201 403 403 403 404
    GET    /v1/memberships                           | 401 200 200 200 200 403 403 403 200
    GET    /v1/memberships/{membership_id}           | 401 404 404 200 200 403 403 403 200
    PATCH  /v1/memberships/{membership_id}           | 401 404 404 200 403 403 403 403 403
    POST   /v1/memberships/{membership_id}/accept    | 401 404 404 200 403 403 403 403 403
    POST   /v1/memberships/{membership_id}/decline   | 401 404 404 200 403 403 403 403 403
    POST   /v1/memberships/{membership_id}/withdraw  | 401 404 404 403 200 403 403 403 403
    POST   /v1/memberships/{membership_id}/leave     | 401 404 404 200 409 403 403 403 403
    POST   /v1/memberships/{membership_id}/agreements | 401 404 404 201 409 403 403 403 403
    POST   /v1/memberships/{membership_id}/agreements/{agreement_id}/answer | 401 404 404 200 403 403 403 403 403
    GET    /v1/producers/{producer_id}/people        | 401 404 404 200 404 403 403 403 200
    POST   /v1/producers/{producer_id}/people        | 401 404 404 201 404 403 403 403 404
    GET    /v1/producers/{producer_id}/people/{person_id} | 401 404 404 200 404 403 403 403 200
    PATCH  /v1/producers/{producer_id}/people/{person_id} | 401 404 404 200 404 403 403 403 404
    DELETE /v1/producers/{producer_id}/people/{person_id} | 401 404 404 204 404 403 403 403 404
    GET    /v1/accounts/{owner}/statement            | 401 404 404 200 404 404 404 404 200
    GET    /v1/accounts/{owner}/statement#buyer      | 401 200 404 404 404 404 404 404 200
    GET    /v1/accounts/{owner}/statement#carrier    | 401 404 404 404 404 200 404 404 200
    GET    /v1/accounts/{owner}/statement#bare       | 401 404 404 404 404 404 404 403 200
    GET    /v1/accounts/{owner}/statement#ours       | 401 404 404 404 404 404 404 404 200
    GET    /v1/reconciliations                       | 401 403 403 403 403 403 403 403 200
    POST   /v1/listings                              | 401 403 403 201 403 403 403 403 403
    GET    /v1/listings                              | 200
    GET    /v1/listings#drafts                       | 401 404 404 200 404 404 404 404 200
    GET    /v1/listings/{listing_id}                 | 200
    GET    /v1/listings/{listing_id}#draft           | 404 404 404 200 404 404 404 404 200
    PATCH  /v1/listings/{listing_id}                 | 401 403 403 200 403 403 403 403 403
    PATCH  /v1/listings/{listing_id}#draft           | 401 404 404 200 404 403 403 403 404
    POST   /v1/listings/{listing_id}/publish         | 401 403 403 200 403 403 403 403 403
    POST   /v1/listings/{listing_id}/publish#draft   | 401 404 404 422 404 403 403 403 404
    POST   /v1/listings/{listing_id}/pause           | 401 403 403 200 403 403 403 403 200
    POST   /v1/listings/{listing_id}/archive         | 401 403 403 200 403 403 403 403 200
    POST   /v1/listings/{listing_id}/lots            | 401 403 403 201 403 403 403 403 403
    GET    /v1/listings/{listing_id}/lots            | 401 404 404 200 404 403 403 403 200
    GET    /v1/listings/{listing_id}/lots/{lot_id}   | 401 404 404 200 404 403 403 403 200
    PATCH  /v1/listings/{listing_id}/lots/{lot_id}   | 401 403 403 200 403 403 403 403 403
    POST   /v1/listings/{listing_id}/lots/{lot_id}/confirm-harvest | 401 403 403 409 403 403 403 403 403
    POST   /v1/lots/{lot_id}/recalls                 | 401 404 404 201 404 404 404 404 201
    GET    /v1/recalls                               | 401 200 200 200 200 200 200 200 200
    GET    /v1/recalls/{recall_id}                   | 401 404 404 200 404 404 404 404 200
    GET    /v1/recalls/{recall_id}/consignments      | 401 404 404 200 404 404 404 404 200
    POST   /v1/recalls/{recall_id}/lift              | 401 404 404 200 404 404 404 404 200
    POST   /v1/order-cycles                          | 401 403 403 201 403 403 403 403 403
    GET    /v1/order-cycles                          | 200
    GET    /v1/order-cycles/{cycle_id}               | 200
    PATCH  /v1/order-cycles/{cycle_id}               | 401 403 403 200 403 403 403 403 403
    DELETE /v1/order-cycles/{cycle_id}               | 401 403 403 204 403 403 403 403 403
    POST   /v1/order-cycles/{cycle_id}/listings      | 401 403 403 200 403 403 403 403 403
    POST   /v1/price-lists                           | 401 403 403 403 201 403 403 403 403
    GET    /v1/price-lists                           | 401 200 200 200 200 403 403 403 200
    GET    /v1/price-lists/{price_list_id}           | 401 404 404 404 200 403 403 403 404
    PATCH  /v1/price-lists/{price_list_id}           | 401 404 404 404 200 403 403 403 404
    DELETE /v1/price-lists/{price_list_id}           | 401 404 404 404 204 403 403 403 404
    GET    /v1/categories                            | 200
    POST   /v1/media                                 | 401 201 201 201 201 201 201 403 201
    POST   /v1/media/{media_id}/complete             | 401 404 404 409 404 404 404 403 404
    GET    /v1/media/{media_id}                      | 404 404 404 200 404 404 404 404 404
    GET    /v1/media/{media_id}/content              | 404 404 404 307 404 404 404 404 404
    POST   /v1/quotes                                | 401 201 201 201 201 403 403 403 201
    GET    /v1/quotes/{id}                           | 401 200 404 404 404 403 403 403 404
    POST   /v1/orders                                | 401 201 404 404 404 403 403 403 404
    GET    /v1/orders                                | 401 200 200 200 200 403 403 403 200
    GET    /v1/orders/{id}                           | 401 200 404 404 404 403 403 403 200
    POST   /v1/orders/{id}/cancel                    | 401 200 404 404 404 403 403 403 200
    POST   /v1/orders/{id}/claims                    | 401 201 404 404 404 403 403 403 404
    GET    /v1/claims                                | 401 200 200 200 200 403 403 403 200
    GET    /v1/claims/{claim_id}                     | 401 200 404 200 404 403 403 403 200
    POST   /v1/claims/{claim_id}/answer              | 401 403 404 200 404 403 403 403 403
    POST   /v1/claims/{claim_id}/reply               | 401 200 404 403 404 403 403 403 403
    POST   /v1/claims/{claim_id}/decision            | 401 403 403 403 403 403 403 403 200
    POST   /v1/claims/{claim_id}/recourse            | 401 403 403 403 403 403 403 403 201
    GET    /v1/returns                               | 401 200 200 200 200 200 200 200 200
    GET    /v1/returns/{return_id}                   | 401 200 404 404 200 200 404 404 200
    POST   /v1/returns/{return_id}/booking           | 401 200 404 404 403 403 403 403 200
    POST   /v1/returns/{return_id}/keep              | 401 403 404 404 200 403 403 403 409
    GET    /v1/recourses                             | 401 200 200 200 200 200 200 403 200
    GET    /v1/recourses/{recourse_id}               | 401 404 404 404 200 404 404 403 200
    POST   /v1/recourses/{recourse_id}/answer        | 401 403 403 403 403 404 404 403 403
    POST   /v1/recourses/{recourse_id}/reversal      | 401 403 403 403 403 403 403 403 200
    GET    /v1/policies                              | 200
    GET    /v1/offer-terms                           | 200
    POST   /v1/listings/{listing_id}/offers          | 401 409 201 403 201 403 403 403 201
    GET    /v1/offers                                | 401 200 200 200 200 403 403 403 200
    GET    /v1/offers/{offer_id}                     | 401 200 404 200 404 403 403 403 200
    POST   /v1/offers/{offer_id}/counter             | 401 409 404 200 404 403 403 403 403
    POST   /v1/offers/{offer_id}/counter#countered   | 401 200 404 422 404 403 403 403 403
    POST   /v1/offers/{offer_id}/accept              | 401 409 404 200 404 403 403 403 403
    POST   /v1/offers/{offer_id}/accept#countered    | 401 200 404 409 404 403 403 403 403
    POST   /v1/offers/{offer_id}/decline             | 401 409 404 200 404 403 403 403 403
    POST   /v1/offers/{offer_id}/decline#countered   | 401 200 404 409 404 403 403 403 403
    POST   /v1/offers/{offer_id}/withdraw            | 401 200 404 409 404 403 403 403 409
    POST   /v1/offers/{offer_id}/withdraw#agreed     | 401 200 404 409 404 403 403 403 409
    POST   /v1/offers/{offer_id}/deposit             | 401 200 404 403 404 403 403 403 403
    POST   /v1/offers/{offer_id}/deposit/receipt     | 401 403 403 403 403 403 403 403 200
    POST   /v1/offers/{offer_id}/deposit/refund      | 401 403 403 403 403 403 403 403 200
    GET    /v1/reports/carriage                      | 401 403 403 403 403 403 403 403 200
    GET    /v1/reports/bottlenecks                   | 401 403 403 403 403 200 200 200 200
    GET    /v1/reports/waiting                       | 401 403 403 403 403 200 200 200 200
    GET    /v1/disputes                              | 401 200 200 200 200 403 403 403 200
    GET    /v1/disputes/{dispute_id}                 | 401 404 404 200 404 403 403 403 200
    POST   /v1/disputes/{dispute_id}/evidence        | 401 403 403 403 403 403 403 403 200
    GET    /v1/uncollected                           | 401 403 403 403 403 403 403 403 200
    POST   /v1/producers/{producer_id}/payout-account | 401 404 404 200 404 403 403 403 200
    POST   /v1/orders/{id}/confirm-receipt           | 401 200 404 404 404 403 403 403 404
    GET    /v1/hubs                                  | 200
    GET    /v1/hubs/{code}                           | 200
    POST   /v1/routes                                | 200
    GET    /v1/routes                                | 200
    POST   /v1/services                              | 401 403 403 403 403 201 201 403 201
    GET    /v1/services                              | 401 403 403 403 403 200 200 403 200
    GET    /v1/services/{service_id}                 | 401 403 403 403 403 200 404 403 200
    PATCH  /v1/services/{service_id}                 | 401 403 403 403 403 200 404 403 200
    GET    /v1/services/{service_id}/timetables      | 401 403 403 403 403 200 404 403 200
    POST   /v1/services/{service_id}/timetables      | 401 403 403 403 403 201 404 403 201
    GET    /v1/services/{service_id}/manifest        | 401 403 403 403 403 200 404 403 200
    POST   /v1/services/imports                      | 401 403 403 403 403 200 200 403 200
    POST   /v1/services/imports/gtfs                 | 401 403 403 403 403 200 200 403 200
    POST   /v1/disruptions                           | 401 403 403 403 403 201 422 403 201
    POST   /v1/disruptions/{disruption_id}/lift      | 401 403 403 403 403 200 404 403 200
    GET    /v1/disruptions                           | 401 403 403 403 403 200 200 403 200
    GET    /v1/bookings                              | 401 403 403 403 403 200 200 403 200
    GET    /v1/network                               | 401 403 403 403 403 403 403 403 200
    GET    /v1/departures                            | 401 403 403 403 403 403 403 403 200
    GET    /v1/stranded                              | 401 403 403 403 403 403 403 403 200
    POST   /v1/stranded/{consignment_id}/retry       | 401 403 403 403 403 403 403 403 404
    GET    /v1/consignments                          | 401 200 200 200 200 403 403 403 200
    GET    /v1/consignments/{consignment_id}         | 401 200 404 200 404 404 404 404 200
    GET    /v1/consignments/{consignment_id}/labels  | 401 404 404 200 404 200 404 404 200
    POST   /v1/labels                                | 401 404 404 200 404 200 404 404 200
    GET    /v1/consignments/{consignment_id}/cold-chain | 401 200 404 200 404 200 404 404 200
    POST   /v1/consignments/{consignment_id}/weigh-ins | 401 403 403 403 403 201 404 403 201
    GET    /v1/weigh-ins                             | 401 200 200 200 200 200 200 200 200
    GET    /v1/weigh-ins/{weigh_in_id}               | 401 200 404 200 404 200 404 404 200
    POST   /v1/weigh-ins/{weigh_in_id}/decision      | 401 200 404 403 404 403 403 403 409
    GET    /v1/packages/{package}/trace              | 200
    GET    /v1/lots/{lot_id}/trace                   | 401 404 404 200 404 404 404 404 200
    POST   /v1/packages/{package_id}/returns         | 401 403 403 403 403 200 200 403 200
    GET    /v1/exceptions                            | 401 403 403 403 403 200 200 200 200
    POST   /v1/tracking/events                       | 401 403 403 403 403 200 200 403 200
    POST   /v1/tracking/dcsa/events                  | 401 403 403 403 403 200 422 403 200
    GET    /v1/tracking/{tracking_number}            | 200
    GET    /epcis/v2                                 | 200
    POST   /epcis/v2/capture                         | 401 403 403 403 403 202 202 403 202
    GET    /epcis/v2/capture                         | 401 403 403 403 403 200 200 403 200
    GET    /epcis/v2/capture/{capture_id}            | 401 403 403 403 403 200 404 403 404
    POST   /epcis/v2/events                          | 401 403 403 403 403 201 404 403 201
    GET    /epcis/v2/events                          | 401 200 200 200 200 200 200 200 200
    GET    /epcis/v2/events/{event_id}               | 401 200 404 200 404 200 404 404 200
    DELETE /epcis/v2/nextPageToken/{token}           | 401 204 204 204 204 204 204 204 204
    POST   /epcis/v2/queries                         | 401 201 201 201 201 201 201 201 201
    GET    /epcis/v2/queries                         | 401 200 200 200 200 200 200 200 200
    GET    /epcis/v2/queries/{query_name}            | 401 404 404 404 404 200 404 404 404
    DELETE /epcis/v2/queries/{query_name}            | 401 404 404 404 404 204 404 404 404
    GET    /epcis/v2/queries/{query_name}/events     | 401 404 404 404 404 200 404 404 404
    POST   /epcis/v2/queries/{query_name}/subscriptions | 401 404 404 404 404 201 404 404 404
    GET    /epcis/v2/queries/{query_name}/subscriptions | 401 404 404 404 404 200 404 404 404
    GET    /epcis/v2/queries/{query_name}/subscriptions/{subscription_id} | 401 404 404 404 404 200 404 404 404
    DELETE /epcis/v2/queries/{query_name}/subscriptions/{subscription_id} | 401 404 404 404 404 204 404 404 404
    GET    /epcis/v2/{resource}                      | 401 200 200 200 200 200 200 200 200
    GET    /epcis/v2/{resource}/{name}               | 401 200 200 200 200 200 200 200 200
    GET    /epcis/v2/{resource}/{name}/events        | 401 200 200 200 200 200 200 200 200
    GET    /v1/tracking/{tracking_number}/stream     | 200
    POST   /v1/webhooks/stripe                       | 400
    POST   /v1/consignments/{consignment_id}/hand-overs | 401 404 404 201 404 404 404 403 201
    GET    /v1/consignments/{consignment_id}/custody | 401 200 404 200 404 404 404 404 200
    POST   /v1/device-keys                           | 401 201 201 201 201 403 403 403 201
    GET    /v1/device-keys                           | 401 200 200 200 200 403 403 403 200
    DELETE /v1/device-keys/{device_key_id}           | 401 404 404 204 404 403 403 403 404
    POST   /v1/webhook-endpoints                     | 401 201 201 201 201 201 201 201 201
    GET    /v1/webhook-endpoints                     | 401 200 200 200 200 200 200 200 200
    GET    /v1/webhook-endpoints/{endpoint_id}       | 401 200 404 404 404 404 404 404 404
    PATCH  /v1/webhook-endpoints/{endpoint_id}       | 401 200 404 404 404 404 404 404 404
    POST   /v1/webhook-endpoints/{endpoint_id}/secret | 401 200 404 404 404 404 404 404 404
    POST   /v1/webhook-endpoints/{endpoint_id}/test  | 401 202 404 404 404 404 404 404 404
    GET    /v1/webhook-endpoints/{endpoint_id}/deliveries | 401 200 404 404 404 404 404 404 404
    POST   /v1/webhook-endpoints/{endpoint_id}/deliveries/{event_id}/resend | 401 200 404 404 404 404 404 404 404
    POST   /v1/webhook-endpoints/{endpoint_id}/replay | 401 202 404 404 404 404 404 404 404
    DELETE /v1/webhook-endpoints/{endpoint_id}       | 401 204 404 404 404 404 404 404 404
    POST   /v1/payments/{payment_id}/renewal         | 401 409 404 404 404 403 403 403 404
    POST   /v1/payments/{payment_id}/receipts        | 401 403 403 403 403 403 403 403 201
    POST   /v1/payees                                | 401 404 404 201 404 404 404 403 201
    GET    /v1/payees                                | 401 200 200 200 200 200 200 200 200
    GET    /v1/payees/{payee_id}                     | 401 404 404 200 404 404 404 404 200
    POST   /v1/payees/{payee_id}/verdict             | 401 403 403 403 403 403 403 403 200
    POST   /v1/payout-runs                           | 401 403 403 403 403 403 403 403 201
    GET    /v1/payout-runs                           | 401 403 403 403 403 403 403 403 200
    GET    /v1/payout-runs/{run_id}                  | 401 403 403 403 403 403 403 403 200
    POST   /v1/payout-runs/{run_id}/send             | 401 403 403 403 403 403 403 403 200
    GET    /v1/payouts                               | 401 200 200 200 200 200 200 200 200
    GET    /v1/payouts/{payout_id}                   | 401 404 404 200 404 404 404 404 200
    POST   /v1/payouts/{payout_id}/mark              | 401 403 403 403 403 403 403 403 200
    POST   /v1/cash-refunds                          | 401 403 403 403 403 403 403 403 409
    POST   /v1/remittances                           | 401 403 403 403 403 201 201 403 201
    GET    /v1/remittances                           | 401 403 403 403 403 200 200 403 200
    POST   /v1/remittances/{remittance_id}/confirm   | 401 403 403 403 403 403 403 403 200
    GET    /v1/cash-held                             | 401 403 403 403 403 200 200 403 200
    GET    /v1/carriers/{carrier}/freight            | 401 404 404 404 404 200 404 404 200
    GET    /v1/carriers/{carrier}/freight#bare       | 401 404 404 404 404 404 404 403 200
    GET    /v1/producers/{producer_id}/settlement    | 401 404 404 200 404 404 404 404 200
    POST   /v1/freight-remarks                       | 401 403 403 403 403 404 404 403 201
    GET    /v1/freight-remarks                       | 401 403 403 403 403 200 200 403 200
    POST   /v1/freight-remarks/{remark_id}/answer    | 401 403 403 403 403 403 403 403 200
    POST   /v1/partners                              | 401 403 403 403 403 403 403 403 201
    GET    /v1/partners                              | 401 403 403 403 403 403 403 403 200
    POST   /v1/partners/{partner_id}/keys            | 401 403 403 403 403 403 403 403 201
    GET    /v1/partners/{partner_id}/keys            | 401 403 403 403 403 403 403 403 200
    DELETE /v1/partners/{partner_id}/keys/{key_id}   | 401 403 403 403 403 403 403 403 204
    GET    /v1/dev/messages                          | 200
    GET    /health                                   | 200
    GET    /ready                                    | 503
    GET    /metrics                                  | 200
"""


def _read(line: str) -> tuple[str, list[int]]:
    asked, _, told = line.partition("|")
    statuses = [int(word) for word in told.split()]
    return " ".join(asked.split()), statuses if len(statuses) > 1 else statuses * len(ROLES)


EXPECTED = dict(_read(line) for line in TABLE.strip().splitlines())

LISTS = [
    "GET /v1/producers",
    "GET /v1/listings",
    "GET /v1/listings/{listing_id}/lots",
    "GET /v1/recalls",
    "GET /v1/recalls/{recall_id}/consignments",
    "GET /v1/order-cycles",
    "GET /v1/price-lists",
    "GET /v1/orders",
    "GET /v1/claims",
    "GET /v1/returns",
    "GET /v1/weigh-ins",
    "GET /v1/offers",
    "GET /v1/hubs",
    "GET /v1/services",
    "GET /v1/services/{service_id}/timetables",
    "GET /v1/disruptions",
    "GET /v1/stranded",
    "GET /v1/exceptions",
    "GET /v1/bookings",
    "GET /v1/departures",
    "GET /v1/consignments",
    "GET /v1/partners",
    "GET /v1/partners/{partner_id}/keys",
    "GET /v1/producers/{producer_id}/entries",
    "GET /v1/producers/{producer_id}/members",
    "GET /v1/producers/{producer_id}/people",
    "GET /v1/memberships",
    "GET /v1/accounts/{owner}/statement",
    "GET /v1/reconciliations",
    "GET /v1/reports/carriage",
    "GET /v1/reports/bottlenecks",
    "GET /v1/recourses",
    "GET /v1/disputes",
    "GET /v1/uncollected",
    "GET /v1/payees",
    "GET /v1/payout-runs",
    "GET /v1/payout-runs/{run_id}",
    "GET /v1/payouts",
    "GET /v1/remittances",
    "GET /v1/freight-remarks",
    "GET /v1/device-keys",
    "GET /v1/webhook-endpoints",
    "GET /v1/webhook-endpoints/{endpoint_id}/deliveries",
]
# The reader who sees the most of a list, where it is not an operator.
_READER = {
    "GET /v1/listings/{listing_id}/lots": "member",
    "GET /v1/consignments": "member",
    "GET /v1/orders": "buyer",
    "GET /v1/price-lists": "neighbour",
    "GET /v1/memberships": "member",
    "GET /v1/webhook-endpoints": "buyer",
    "GET /v1/device-keys": "member",
}


def in_our_manner(lines: list[str]) -> list[str]:
    """Without those of the EPCIS door: there names, shapes and refusals are the standard's (test_epcis looks at them)."""
    return [line for line in lines if " /epcis/" not in line]


def may(line: str) -> str:
    """Somebody who may do this."""
    return next(role for role, status in zip(ROLES, EXPECTED[line], strict=True) if status < 300)


def reader_of(line: str) -> str:
    return _READER.get(line, "operator" if EXPECTED[line][-1] == 200 else may(line))


def lines(*methods: str) -> list[str]:
    """The operations of these methods that somebody may do."""
    return [line for line in EXPECTED if line.split()[0] in methods and any(s < 300 for s in EXPECTED[line])]
