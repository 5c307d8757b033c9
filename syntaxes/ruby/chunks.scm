(comment) @comment

(module name: (_) @name body: (_) @body) @definition.module
(class name: (_) @name) @definition.class
(class name: (_) @name body: (_) @body) @definition.class
(singleton_class value: (_)) @definition.class
(method name: (_) @name) @definition.function
(method name: (_) @name body: (_) @body) @definition.function
(singleton_method name: (_) @name) @definition.method
(singleton_method name: (_) @name body: (_) @body) @definition.method
(program (assignment left: (constant) @name) @definition.constant)

(call
  method: (identifier) @_call
  arguments: (argument_list . (_) @name.text)
  block: (_) @body
  (#any-of? @_call "describe" "context" "it" "specify" "test" "should" "feature" "scenario")) @definition.test
(call
  receiver: (constant) @_rspec
  method: (identifier) @_call
  arguments: (argument_list . (_) @name.text)
  block: (_) @body
  (#eq? @_rspec "RSpec") (#eq? @_call "describe")) @definition.test
(call
  method: (identifier) @_call
  arguments: (argument_list . (simple_symbol) @name)
  block: (_) @body
  (#any-of? @_call "task" "namespace" "desc" "factory" "scope")) @definition.function
