"""Routes that are built when somebody asks for them."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient

from officium.web.lazy_routes import LazyApp, LazyRoute, LazyRouter


def an_app() -> LazyApp:
    inner, outer, app = LazyRouter(), LazyRouter(), LazyApp()

    @inner.get("/items/{number}", status_code=202)
    async def item(number: int) -> dict[str, int]:
        """One of them."""
        return {"number": number}

    outer.include_router(inner)
    app.include_router(outer)
    return app


def the_route(app: LazyApp) -> LazyRoute:
    (route,) = [route for route in app.routes if isinstance(route, LazyRoute)]
    return route


def test_route_is_built_by_its_first_request() -> None:
    app = an_app()

    assert "dependant" not in vars(the_route(app))
    assert TestClient(app).get("/items/3").json() == {"number": 3}
    assert "dependant" in vars(the_route(app))


def test_other_paths_and_methods_build_nothing() -> None:
    app = an_app()

    assert TestClient(app).get("/item").status_code == 404
    assert TestClient(app).post("/items/3").status_code == 405
    assert "dependant" not in vars(the_route(app))


def test_route_answers_as_an_eager_one() -> None:
    client = TestClient(an_app())

    assert client.get("/items/3").status_code == 202
    assert client.get("/items/three").status_code == 422


def test_description_builds_all_and_holds_them() -> None:
    described = TestClient(an_app()).get("/openapi.json").json()

    assert described["paths"]["/items/{number}"]["get"]["description"] == "One of them."


def test_what_a_route_does_not_have_is_an_error() -> None:
    route = the_route(an_app())

    with pytest.raises(AttributeError, match="nothing"):
        _ = route.nothing
    assert route.status_code == 202


def test_threads_build_a_route_once_and_together() -> None:
    routes = [the_route(an_app()) for _ in range(20)]

    with ThreadPoolExecutor(8) as pool:
        for route in routes:
            seen = list(pool.map(lambda _, route=route: route.dependant, range(8)))  # type: ignore[misc]
            assert all(each is route.dependant for each in seen)
