"""Routes that are known by their paths, and built when they are first asked for.

FastAPI's routes read their functions' signatures and make a validator for each parameter: about two
milliseconds for each of some hundreds of routes, of which a start needs none.
"""

import asyncio
from collections.abc import Callable
from threading import RLock
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.routing import compile_path

_building = RLock()


class LazyRoute(APIRoute):
    """A route of which only the address is known until somebody asks for it or for its schema."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self.path, self.endpoint = path, endpoint
        self.methods = {method.upper() for method in options["methods"] or ("GET",)}
        self.include_in_schema = options["include_in_schema"]
        self.path_regex, self.path_format, self.param_convertors = compile_path(path)
        self._options = options

    def __getattr__(self, name: str) -> Any:
        """Whatever else is asked of a route is there once it is built."""
        with _building:
            options = self.__dict__.pop("_options", None)
            if options is not None:
                super().__init__(self.path, self.endpoint, **options)
        return object.__getattribute__(self, name)


class LazyRouter(APIRouter):
    """A router of lazy routes. It takes those of others as they are; FastAPI would build them all."""

    def __init__(self, *, route_class: type[APIRoute] = LazyRoute, **options: Any) -> None:
        super().__init__(route_class=route_class, **options)

    def include_router(self, router: APIRouter, **options: Any) -> None:
        """Put another router's routes behind these. There are no options: they belong to the routes."""
        assert not options
        self.routes.extend(router.routes)


class LazyApp(FastAPI):
    """An application that takes routes as `LazyRouter` does, and describes them without stopping for it."""

    def setup(self) -> None:
        """Add the description. It takes a second to make: that happens in a thread, when it is asked for."""

        async def describe(request: Request) -> JSONResponse:
            return JSONResponse(await asyncio.to_thread(self.openapi))

        self.add_route("/openapi.json", describe, include_in_schema=False)

    def include_router(self, router: APIRouter, **options: Any) -> None:
        """Put a router's routes behind these. There are no options: they belong to the routes."""
        assert not options
        self.routes.extend(router.routes)
